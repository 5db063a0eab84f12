"""What every tracked file must keep to."""
import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGEST = 800 * 1024  # bytes; larger data is fetched by its reader, not kept in the history

# Places of one machine. Written so that this file does not name them itself.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:wor" + r"k|roo" + r"t|hom" + r"e)/\w|/tmp/bri" + r"ef")
DATA_PATH = re.compile("shared" + "/data")
DATA_PATH_ALLOWED = {".ci/run"}  # the one place that may guess where the data lies


def tracked():
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git checkout: " + listed.stderr.strip())
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def text_of(name):
    raw = (ROOT / name).read_bytes()
    return None if b"\0" in raw else raw.decode("utf-8", errors="replace")


def test_no_file_is_large():
    large = {name: (ROOT / name).stat().st_size for name in tracked()}
    assert {name: size for name, size in large.items() if size > LARGEST} == {}


def test_no_file_names_a_place_on_one_machine():
    found = []
    for name in tracked():
        for number, line in enumerate((text_of(name) or "").splitlines(), start=1):
            if MACHINE_PATH.search(line):
                found.append(f"{name}:{number}: {line.strip()}")
            if DATA_PATH.search(line) and name not in DATA_PATH_ALLOWED:
                found.append(f"{name}:{number}: {line.strip()}")
    assert found == []


@pytest.mark.parametrize("line", ["see /wor" + "k/x", '"/hom' + 'e/me/run.h5"', "/tmp/bri" + "ef/a.md"])
def test_the_pattern_finds_such_places(line):
    assert MACHINE_PATH.search(line)


@pytest.mark.parametrize("line", ["models/wor" + "k/x", "build/wor" + "k/y", "a framewor" + "k/b"])
def test_the_pattern_leaves_others_alone(line):
    assert not MACHINE_PATH.search(line)


def test_every_header_is_guarded():
    bad = [
        name
        for name in tracked()
        if name.endswith((".hpp", ".cuh")) and "#pragma once" not in (text_of(name) or "")
    ]
    assert bad == []


def test_properties_can_fail():
    """RapidCheck only prints a property that does not hold; its answer must reach doctest."""
    bare = re.compile(r"^\s*rc::check\(", re.M)
    bad = [
        name
        for name in tracked()
        if name.startswith("tests/") and name.endswith(".cpp") and bare.search(text_of(name) or "")
    ]
    assert bad == []


def test_presets_are_those_promised():
    presets = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
    assert {"release", "dev", "cuda", "ci"} == {p["name"] for p in presets if not p.get("hidden")}
    listed = subprocess.run(
        ["cmake", "--list-presets"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert '"release"' in listed.stdout
