"""The launcher, in a small project of the same shape, with the system's tools watched or faked."""
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[2] / "millwright"

CMAKE = """cmake_minimum_required(VERSION 3.25)
project(small LANGUAGES CXX)
add_executable(millwright sim/main.cpp)
set_target_properties(millwright PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
"""
MAIN = """#include <unistd.h>
#include <cstdio>
int main(int argc, char** argv) {
  char where[4096];
  std::printf("VERSION at %s", getcwd(where, sizeof where));
  for (int i = 1; i < argc; ++i) std::printf(" [%s]", argv[i]);
  std::printf("\\n");
  return argc > 1 && argv[1][0] == 'f' ? 3 : 0;
}
"""


class Small:
    """A checkout with the real launcher and a one-file program; cmake calls are counted."""

    def __init__(self, folder):
        self.root = folder / "a checkout"
        for floor in ["sim", "gpu", "models", "scenarios", "analysis", "cmake"]:
            (self.root / floor).mkdir(parents=True)
        shutil.copy(LAUNCHER, self.root / "millwright")
        (self.root / "CMakeLists.txt").write_text(CMAKE)
        self.write_program("one")
        self.shims = folder / "shims"
        self.shims.mkdir()
        self.calls = folder / "calls"
        self.calls.write_text("")
        self.shim("cmake", f'echo "$*" >>"{self.calls}"; exec "{shutil.which("cmake")}" "$@"')
        # every package is there, whatever this machine has
        self.shim("dpkg-query", "exit 0")
        self.shim("apt-get", f'echo "apt-get $*" >>"{self.calls}"')
        stamp = self.root / "build" / ".packages-build"
        stamp.parent.mkdir()
        stamp.write_text(self.packages("build"))

    def packages(self, group):
        """The launcher's own list, as it writes it in its stamp."""
        text = LAUNCHER.read_text().split(f'packages_{group}="', 1)[1].split('"', 1)[0]
        return " ".join(text.split())

    def write_program(self, version):
        (self.root / "sim" / "main.cpp").write_text(MAIN.replace("VERSION", version))

    def shim(self, name, body):
        path = self.shims / name
        path.write_text("#!/bin/bash\n" + body + "\n")
        path.chmod(0o755)

    def start(self, *args, cwd=None):
        return subprocess.Popen(
            [self.root / "millwright", *args], cwd=cwd or self.root, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PATH": f"{self.shims}:{os.environ['PATH']}"},
        )  # fmt: skip

    def run(self, *args, cwd=None):
        process = self.start(*args, cwd=cwd)
        process.out, process.err = process.communicate(timeout=300)
        return process

    def cmake_calls(self):
        calls = self.calls.read_text().splitlines()
        self.calls.write_text("")
        return calls


@pytest.fixture
def small(tmp_path):
    return Small(tmp_path)


def test_it_builds_once_and_then_only_runs(small, tmp_path):
    first = small.run("run", "x y.yaml", cwd=tmp_path)
    assert first.returncode == 0, first.err
    assert first.out == f"one at {tmp_path} [run] [x y.yaml]\n"  # and nothing of the build
    assert "first time" in first.err
    assert small.cmake_calls() != []

    second = small.run("run", cwd=tmp_path)
    assert (second.out, second.err) == (f"one at {tmp_path} [run]\n", "")
    assert small.cmake_calls() == []


def test_it_rebuilds_when_a_source_changed(small):
    small.run("run")
    small.write_program("two")
    assert small.run("run").out.startswith("two")
    # a new file makes its folder newer; the build is asked even if it finds nothing to do
    small.cmake_calls()
    (small.root / "models" / "new.hpp").write_text("")
    assert small.run("run").returncode == 0
    assert small.cmake_calls() != []


def test_the_exit_code_is_the_programs(small):
    assert small.run("fail").returncode == 3


def test_a_build_that_fails_says_so_and_is_tried_again(small):
    good = small.root / "sim" / "main.cpp"
    text = good.read_text()
    good.write_text("int main() { return }\n")
    broken = small.run("run")
    assert broken.returncode == 1
    assert "the build in" in broken.err and "failed" in broken.err
    good.write_text(text)
    assert small.run("run").returncode == 0


def test_two_first_calls_at_once_both_work(small):
    both = [small.start("run"), small.start("run")]
    for process in both:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert out.startswith("one")


def test_a_moved_checkout_builds_afresh(small):
    small.run("run")
    moved = small.root.parent / "elsewhere"
    small.root.rename(moved)
    small.root = moved
    os.utime(moved / "sim" / "main.cpp", (time.time() + 5, time.time() + 5))
    done = small.run("run")
    assert done.returncode == 0, done.err


def test_without_root_it_prints_the_one_line_and_exits_2(small):
    (small.root / "build" / ".packages-build").unlink()
    small.shim("id", "echo 1000")
    small.shim("sudo", "exit 1")
    done = small.run("run")
    assert done.returncode == 2
    line = next(text for text in done.err.splitlines() if "sudo apt-get" in text)
    assert "apt-get install -y --no-install-recommends g++ cmake ninja-build" in line
    assert small.calls.read_text() == ""


def test_packages_that_apt_cannot_give_are_named(small):
    (small.root / "build" / ".packages-build").unlink()
    small.shim("id", "echo 0")
    done = small.run("run")
    assert done.returncode == 1
    assert "still missing after apt-get: g++ cmake" in done.err
    assert any(call.startswith("apt-get") and "update" in call for call in small.cmake_calls())


def test_it_works_through_a_link_and_clean_removes_the_build(small, tmp_path):
    small.run("run")
    link = tmp_path / "mw"
    link.symlink_to(small.root / "millwright")
    done = subprocess.run([link, "clean"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not (small.root / "build").exists()
