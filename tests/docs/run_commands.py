"""Runs what the documentation tells people to type.

Every ```sh block of README.md, docs/*.md and docs/models/*.md is a list of commands. Those that start
with ./millwright are run, page by page in one scratch folder that holds a copy of scenarios/ and a
`millwright` that stands for the launcher; each must exit 0. A command that several pages show runs
once, so a page may use what an earlier one wrote. ```python blocks run there too.

A block marked ```sh needs-data reads public data; it is left out where MILLWRIGHT_DATA is not set.
What the launcher does itself (test, build, clean) is tested in tests/house.

    run_commands.py PROGRAM          run everything
    run_commands.py --list           print what would run
"""
import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAUNCHERS_OWN = ("test", "build", "clean", "help-launcher")
FENCE = re.compile(r"^```(sh|python)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

LAUNCHER = """#!/usr/bin/env bash
set -euo pipefail
export PYTHONPATH={root}/python-out
case ${{1:-}} in
  plot) exec {python} -m millwright "$@" ;;
  python) shift; exec {python} "$@" ;;
  *) exec {program} "$@" ;;
esac
"""


@dataclasses.dataclass(frozen=True)
class Command:
    page: str
    line: int
    kind: str  # sh or python
    text: str
    needs_data: bool

    def __str__(self):
        first = self.text.strip().splitlines()[0]
        return f"{self.page}:{self.line}: {first}"


def pages():
    named = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("docs/*/*.md"))]
    return [page for page in named if page.exists()]


def commands_of(page):
    """The commands of one page, in order. A backslash at the end of a line joins the next to it."""
    text = page.read_text()
    name = str(page.relative_to(ROOT))
    for block in FENCE.finditer(text):
        kind, words, body = block.groups()
        needs_data = "needs-data" in words.split()
        line = text.count("\n", 0, block.start()) + 2
        if kind == "python":
            yield Command(name, line, kind, body, needs_data)
            continue
        pending = ""
        for offset, row in enumerate(body.splitlines()):
            if not pending:
                start = line + offset
            if row.endswith("\\"):
                pending += row[:-1] + " "
                continue
            row, pending = pending + row, ""
            words = shlex.split(row, comments=True)
            if words and words[0] == "./millwright" and words[1:2] and words[1] not in LAUNCHERS_OWN:
                yield Command(name, start, kind, row.strip(), needs_data)


def all_commands():
    """Every command of every page, the first of equal ones."""
    seen = set()
    for page in pages():
        for command in commands_of(page):
            if command.text not in seen:
                seen.add(command.text)
                yield command


def prepare(folder, program):
    shutil.copytree(ROOT / "scenarios", folder / "scenarios")
    launcher = folder / "millwright"
    launcher.write_text(LAUNCHER.format(root=ROOT, python=sys.executable, program=program))
    launcher.chmod(0o755)


def run(command, folder):
    """None if it went well, else what went wrong."""
    words = ["bash", "-c", command.text] if command.kind == "sh" else [sys.executable, "-"]
    done = subprocess.run(
        words,
        cwd=folder,
        input=command.text if command.kind == "python" else None,
        env=dict(os.environ, PYTHONPATH=str(ROOT / "python-out"), MPLBACKEND="Agg"),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return None if done.returncode == 0 else f"{command}\nexit {done.returncode}\n{done.stdout}"


def run_all(program, folder):
    """Failures as texts, and the commands that were left out."""
    prepare(folder, program)
    failures, left_out = [], []
    for command in all_commands():
        if command.needs_data and not os.environ.get("MILLWRIGHT_DATA"):
            left_out.append(command)
            continue
        print(command, flush=True)
        failure = run(command, folder)
        if failure:
            failures.append(failure)
    return failures, left_out


def main(words):
    if words == ["--list"]:
        for command in all_commands():
            print(command)
        return 0
    if len(words) != 1 or not os.access(words[0], os.X_OK):
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        failures, left_out = run_all(Path(words[0]).resolve(), Path(folder))
    for command in left_out:
        print(f"LEFT OUT, MILLWRIGHT_DATA is not set: {command}")
    for failure in failures:
        print(f"\nFAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
