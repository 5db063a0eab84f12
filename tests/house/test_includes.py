"""The floors' order, in the sources and in what the compiler is let to see."""
import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from include_walk import FLOORS, walk

ROOT = Path(__file__).parents[2]


def plant(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return walk(root)


def test_this_tree_keeps_the_order():
    assert walk(ROOT) == []


def test_an_upward_include_is_found(tmp_path):
    problems = plant(
        tmp_path,
        {"sim/a.hpp": '#include "models/power/b.hpp"\n', "models/power/b.hpp": "#pragma once\n"},
    )
    assert len(problems) == 1
    assert problems[0].startswith("sim/a.hpp:1: includes models/power/b.hpp: sim/ lies below")


@pytest.mark.parametrize(
    "source, target, allowed",
    [
        ("models/site/a.hpp", "models/economics/b.hpp", True),
        ("models/economics/a.hpp", "models/site/b.hpp", False),
        ("models/power/a.hpp", "models/compute/b.hpp", True),
        ("models/power/a.hpp", "models/cooling/b.hpp", False),
        ("models/power/a.hpp", "models/power/b.hpp", True),
        ("analysis/a.cpp", "models/site/b.hpp", True),
        ("gpu/a.hpp", "scenarios/b.hpp", False),
    ],
)
def test_the_order_of_floors_and_folders(tmp_path, source, target, allowed):
    files = {source: f'#pragma once\n#include "{target}"\n', target: "#pragma once\n"}
    assert (plant(tmp_path, files) == []) == allowed


def test_angle_brackets_are_no_way_round(tmp_path):
    assert plant(tmp_path, {"sim/a.hpp": "#include <gpu/b.hpp>\n", "gpu/b.hpp": ""}) != []


def test_an_include_not_from_the_root_is_found(tmp_path):
    assert "does not start at the root" in plant(tmp_path, {"sim/a.hpp": '#include "b.hpp"\n'})[0]


def test_a_model_outside_the_folders_is_found(tmp_path):
    assert "every model stands in" in plant(tmp_path, {"models/a.hpp": ""})[0]


def test_a_circle_between_files_is_found(tmp_path):
    ring = {f"sim/{a}.hpp": f'#include "sim/{b}.hpp"\n' for a, b in ["ab", "bc", "ca"]}
    assert plant(tmp_path, ring) == ["circle: sim/a.hpp -> sim/b.hpp -> sim/c.hpp -> sim/a.hpp"]


def compiler_views():
    """For each floor that has a .cpp file: the real compiler and include options of one of them."""
    build = os.environ.get("MILLWRIGHT_BINARY_DIR")
    if not build:
        pytest.skip("MILLWRIGHT_BINARY_DIR names no build; run through ctest")
    views = {}
    for entry in json.loads(Path(build, "compile_commands.json").read_text()):
        source = Path(entry["file"])
        if not source.is_relative_to(ROOT) or source.suffix != ".cpp":
            continue  # nvcc's options are its own
        floor = source.relative_to(ROOT).parts[0]
        if floor in FLOORS and source.name != "main.cpp":
            words = shlex.split(entry["command"])
            options, rest = [], iter(words)
            for word in rest:
                if word in ("-isystem", "-I"):
                    options += [word, next(rest)]
                elif word.startswith(("-I", "-std=")):
                    options.append(word)
            compiler = words[1] if Path(words[0]).name == "ccache" else words[0]
            views[floor] = [compiler, *options]
    return views


def some_header(floor):
    return min(path.relative_to(ROOT).as_posix() for path in (ROOT / floor).rglob("*.hpp"))


def test_a_forbidden_include_does_not_compile(tmp_path):
    """Each floor's compiler options find a header of every floor up to its own, and none above."""
    views = compiler_views()
    assert "sim" in views
    checked_above = 0
    for floor, command in views.items():
        for target in FLOORS:
            if not any((ROOT / target).rglob("*.hpp")):
                continue
            header = some_header(target)
            probe = tmp_path / "probe.cpp"
            probe.write_text(f'#include "{header}"\n')
            done = subprocess.run(
                [*command, "-fsyntax-only", probe], capture_output=True, text=True, cwd=tmp_path
            )
            if FLOORS.index(target) <= FLOORS.index(floor):
                assert done.returncode == 0, f"{floor} cannot see {header}:\n{done.stderr}"
            else:
                checked_above += 1
                assert done.returncode != 0, f"{floor} can see {header}"
                assert f"{header}: No such file" in done.stderr
    if checked_above == 0:
        pytest.skip("no floor above another has a header yet")
