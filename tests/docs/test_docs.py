"""The documentation is true to the program: commands run, names exist, links lead somewhere."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import h5py
import pytest
import run_commands

ROOT = Path(__file__).resolve().parents[2]
BINARY_DIR = Path(os.environ.get("MILLWRIGHT_BINARY_DIR", ROOT / "build" / "release"))
PROGRAM = BINARY_DIR / "bin" / "millwright"

SMALL = """
millwright: 1
name: small
duration: 2 s
site:
  envelope: 200 kW
  climate: {weather: phoenix, start: 2026-07-15T15:00-07:00}
  electrical: ac_2n
  cooling: {plant: dry_cooler}
  economics: simple
racks: [{name: a, type: hgx_h100_air, count: 1}]
inference:
  - service: chat
    model: llama_3_1_8b
    engine: {gpus: 1, replicas: fill, stack: vllm_0_19}
    traffic: {like: azure_conversation}
    price: {output: 1 USD/Mtok}
control:
  power: {policy: uniform}
output: {requests: true}
"""


@pytest.fixture(scope="session")
def program():
    if not os.access(PROGRAM, os.X_OK):
        pytest.skip(f"{PROGRAM} is not built")
    return PROGRAM


@pytest.fixture(scope="session")
def small_run(program, tmp_path_factory):
    """A run whose file and summary hold every figure there is."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.yaml").write_text(SMALL)
    done = subprocess.run(
        [program, "run", "small.yaml", "--json", "--quiet"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return folder / "small.h5", json.loads(done.stdout)


def test_commands_of_the_documentation_run(program, tmp_path, capsys):
    failures, left_out = run_commands.run_all(program, tmp_path)
    for command in left_out:
        with capsys.disabled():
            print(f"\nLEFT OUT, MILLWRIGHT_DATA is not set: {command}")
    assert not failures, "\n\n".join(failures)


def test_the_scenario_reference_is_what_the_program_prints(program):
    made = subprocess.run(
        [program, "schema", "--markdown"], capture_output=True, text=True, check=True
    ).stdout
    page = ROOT / "docs" / "scenario-reference.md"
    assert page.read_text() == made, (
        "docs/scenario-reference.md is stale; make it anew:\n"
        "    ./millwright schema --markdown > docs/scenario-reference.md"
    )


def names_in_backticks(page):
    return set(re.findall(r"`([^`\n]+)`", (ROOT / "docs" / page).read_text()))


def test_every_figure_is_defined(small_run):
    _, report = small_run
    figures = set(report["summary"])
    for service in report["services"].values():
        figures |= set(service)
    # Percentiles are named by their first and last.
    figures = {f for f in figures if not re.search(r"_p9[05]$", f)}
    ledger = set(report["ledger"]["energy_j"]) | set(report["ledger"]["output_tokens"])
    assert figures and ledger
    missing = (figures | ledger) - names_in_backticks("metrics.md")
    assert not missing, f"docs/metrics.md does not define {sorted(missing)}"


def test_every_dataset_is_described(small_run):
    path, _ = small_run
    names = set()

    def note(name, item):
        if name.startswith("summary/"):  # the figures of metrics.md
            return
        names.add(name.rpartition("/")[2] if isinstance(item, h5py.Dataset) else "/" + name)

    with h5py.File(path) as file:
        file.visititems(note)
        names |= set(file["meta"].attrs)
    # The numbers of rows without a coordinate of their own are dimensions alone.
    missing = names - names_in_backticks("output.md")
    assert not missing, f"docs/output.md does not describe {sorted(missing)}"


def test_the_cpp_example_of_output_md_compiles_and_runs(small_run, tmp_path):
    compiler = shutil.which("g++")
    if not compiler or not (BINARY_DIR / "libfloor_sim.a").exists():
        pytest.skip("no g++, or no floor_sim in this build")
    (source,) = re.findall(r"```cpp\n(.*?)```", (ROOT / "docs" / "output.md").read_text(), re.DOTALL)
    (tmp_path / "example.cpp").write_text(source)
    (tmp_path / "read_me.h5").symlink_to(small_run[0])
    libraries = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "hdf5", "zlib", "fmt"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    cache = (BINARY_DIR / "CMakeCache.txt").read_text()
    sanitizers = ["-fsanitize=address,undefined"] if "MILLWRIGHT_SANITIZE:BOOL=ON" in cache else []
    subprocess.run(
        [compiler, "-std=c++20", f"-I{ROOT}", *sanitizers, "example.cpp",
         BINARY_DIR / "libfloor_sim.a", "-lhdf5_hl", *libraries, "-o", "example"],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    done = subprocess.run(["./example"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"peak 0\.\d{3} MW, W\n", done.stdout)


def anchors_of(page):
    """What GitHub makes of a page's headings, and the anchors it sets itself."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = set(re.findall(r'<a id="([^"]+)">', text))
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        found.add(plain.replace(" ", "-"))
    return found


def test_links_lead_somewhere():
    broken = []
    named = [*run_commands.pages(), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    for page in named:
        text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"\w+:", target):
                continue
            path, _, anchor = target.partition("#")
            to = (page.parent / path).resolve() if path else page
            if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors_of(to)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken, broken


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    for page in [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/models/*.md")]:
        link = str(page.relative_to(ROOT / "docs"))
        assert link == "README.md" or f"({link})" in index, f"docs/README.md does not name {link}"


def test_the_cases_that_accuracy_md_names_exist():
    titles = set()
    for source in (ROOT / "tests").rglob("*_test.cpp"):
        titles |= set(re.findall(r'TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"', source.read_text()))
    named = {name for name in names_in_backticks("accuracy.md") if len(name.split()) > 3}
    assert named
    assert named <= titles, f"no test has the title {sorted(named - titles)}"
