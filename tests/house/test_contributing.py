"""The worked example of CONTRIBUTING.md compiles without a warning and its test passes."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_example_model_works_as_printed(tmp_path):
    compiler = shutil.which("g++") or shutil.which("c++")
    if not compiler:
        pytest.skip("no g++ to compile the example with")
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.split("## Add a model in five steps", 1)[1].split("\n## ", 1)[0]
    parameters, step, test = re.findall(r"```cpp\n(.*?)```", section, re.DOTALL)

    header = tmp_path / "models" / "cooling" / "strainer.hpp"
    header.parent.mkdir(parents=True)
    header.write_text(parameters + step)
    source = tmp_path / "strainer_test.cpp"
    source.write_text("#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN\n" + test)
    program = tmp_path / "strainer_test"
    subprocess.run(
        [compiler, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion",
         "-Wno-sign-conversion", "-Werror", f"-I{tmp_path}", f"-I{ROOT}", source, "-o", program],
        check=True,
    )  # fmt: skip
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert "1 passed" in done.stdout
