"""Walks the includes of the floors and says which break the order of the house.

A floor may include itself and the floors below it; inside models/ a folder may include itself and
the folders of a lower rank, not its siblings; no circles, not even between files. Run by hand:
python3 tests/house/include_walk.py [ROOT]
"""
import re
import sys
from pathlib import Path

FLOORS = ["sim", "gpu", "models", "scenarios", "analysis"]
MODEL_RANKS = [
    {"numerics"},
    {"compute"},
    {"inference", "training", "cooling", "power"},
    {"grid"},
    {"control"},
    {"economics"},
    {"site"},
]
RANK = {folder: rank for rank, folders in enumerate(MODEL_RANKS) for folder in folders}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
SUFFIXES = {".hpp", ".cpp", ".cu", ".h", ".cuh"}


def includes_of(path):
    """Pairs (line number, spelled include, quoted) of one file."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        match = INCLUDE.match(line)
        if match:
            found.append((number, match.group(2), match.group(1) == '"'))
    return found


def forbidden(source, target):
    """Why `source` may not include `target` (both relative to the root), or None."""
    here, there = source.split("/"), target.split("/")
    if FLOORS.index(there[0]) > FLOORS.index(here[0]):
        return f"{here[0]}/ lies below {there[0]}/ and may not include it"
    if here[0] == there[0] == "models" and len(here) > 2 and len(there) > 2:
        a, b = here[1], there[1]
        if a != b and RANK[b] == RANK[a]:
            return f"models/{a}/ and models/{b}/ are siblings; a higher folder must join them"
        if RANK[b] > RANK[a]:
            return f"models/{a}/ comes before models/{b}/ and may not include it"
    return None


def circles(graph):
    """Every circle a depth-first walk meets, as a list of files that ends where it began."""
    found, done, trail, on_trail = [], set(), [], set()

    def visit(node):
        trail.append(node)
        on_trail.add(node)
        for target in graph.get(node, ()):
            if target in on_trail:
                found.append(trail[trail.index(target) :] + [target])
            elif target not in done:
                visit(target)
        trail.pop()
        on_trail.discard(node)
        done.add(node)

    for node in sorted(graph):
        if node not in done:
            visit(node)
    return found


def walk(root):
    """All problems of the tree at `root`, one line each."""
    root = Path(root)
    files = sorted(
        path.relative_to(root).as_posix()
        for floor in FLOORS
        for path in (root / floor).rglob("*")
        if path.suffix in SUFFIXES
    )
    problems, graph = [], {}
    for source in files:
        parts = source.split("/")
        if parts[0] == "models" and (len(parts) < 3 or parts[1] not in RANK):
            problems.append(f"{source}: every model stands in one of {', '.join(sorted(RANK))}")
            continue
        graph[source] = []
        for line, target, quoted in includes_of(root / source):
            if target.split("/")[0] not in FLOORS:
                if quoted:
                    problems.append(
                        f'{source}:{line}: "{target}" does not start at the root; '
                        "write it as floor/.../file.hpp"
                    )
                continue
            reason = forbidden(source, target)
            if reason:
                problems.append(f"{source}:{line}: includes {target}: {reason}")
            graph[source].append(target)
    problems += ["circle: " + " -> ".join(circle) for circle in circles(graph)]
    return problems


if __name__ == "__main__":
    here = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
    lines = walk(here)
    print("\n".join(lines) if lines else "the includes keep the order of the house")
    sys.exit(1 if lines else 0)
