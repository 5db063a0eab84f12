"""Says which types bear one full name in two files.

Two different types of one name in one namespace break the one-definition rule: the linker keeps one
of their templates (a std::vector of either, say) for both, silently, and only in builds that do not
inline. Types of an unnamed namespace are a file's own. Run by hand:
python3 tests/house/type_names.py [ROOT]
"""
import re
import sys
from collections import defaultdict
from pathlib import Path

FLOORS = ["sim", "gpu", "models", "scenarios", "analysis"]
SUFFIXES = {".hpp", ".cpp", ".cu", ".cuh"}
NAMESPACE = re.compile(r"^(?:inline )?namespace(?: ([\w:]+))? \{")
# The formatter begins what stands in a namespace at the line's first column.
TYPE = re.compile(r"^(?:struct|class|union|enum(?: class| struct)?)(?: alignas\([^)]*\))? (\w+)\b(?!\s*<|::)([^;]*)$")
CLOSED = re.compile(r"^\}  // namespace")


def types_of(text):
    """Full names of the types that a text defines where another file could mean them."""
    found, inside = [], []
    for line in text.splitlines():
        if opened := NAMESPACE.match(line):
            if not line.rstrip().endswith("}"):
                inside.append(opened.group(1))
        elif CLOSED.match(line):
            if inside:
                inside.pop()
        elif (named := TYPE.match(line)) and None not in inside:
            found.append("::".join([*inside, named.group(1)]))
    return found


def twice(root):
    places = defaultdict(list)
    for floor in FLOORS:
        for path in sorted((root / floor).rglob("*")):
            if path.suffix in SUFFIXES:
                for name in set(types_of(path.read_text(encoding="utf-8"))):
                    places[name].append(str(path.relative_to(root)))
    return {name: where for name, where in places.items() if len(where) > 1}


if __name__ == "__main__":
    found = twice(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2])
    for name, where in sorted(found.items()):
        print(f"{name}: {', '.join(where)}")
    sys.exit(1 if found else 0)
