"""Drawings of what `compare --json` and `optimize --json` wrote."""

import json

import matplotlib.pyplot as plt

from millwright.plots import BLUE, CYCLE, GREEN, MARKERS, VERMILION, CannotPlot

DRAWN = {"power": "mean power at the meter", "cost": "cost of tokens"}
LEAST = 0.002  # of the larger total: smaller changes are drawn as one


def read(path, command, *names):
    """Parts of what a command wrote, by name; CannotPlot says what is wrong with the file."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        return [content[name] for name in names]
    except OSError as error:
        raise CannotPlot(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CannotPlot(f"{path}: not what `millwright {command} --json` writes") from error


def steps(fall):
    """(name, change) from one total to the other, largest first; the small ones as one."""
    changes = {name: part["to"] - part["from"] for name, part in fall["parts"].items()}
    least = LEAST * max(abs(fall["from"]), abs(fall["to"]))
    large = [(name, change) for name, change in changes.items() if abs(change) > least]
    large.sort(key=lambda item: -abs(item[1]))
    rest = sum(changes.values()) - sum(change for _, change in large)
    return large + ([("the rest", rest)] if abs(rest) > 1e-9 * abs(fall["from"]) else [])


def _draw(axis, fall, pair):
    rows = [(pair["from"], 0, fall["from"], BLUE)]
    at = fall["from"]
    for name, change in steps(fall):
        rows.append((name.replace("_", " "), at, change, VERMILION if change > 0 else GREEN))
        at += change
    rows.append((pair["to"], 0, fall["to"], BLUE))
    room = 0.01 * max(fall["from"], fall["to"])
    for place, (_, left, width, colour) in enumerate(rows):
        axis.barh(place, width, left=left, color=colour, height=0.7)
        total = colour == BLUE
        text = f"{width:.4g}" if total else f"{width:+.3g}"
        axis.text(max(left, left + width) + room, place, text, va="center", fontsize=11)
    axis.set_yticks(range(len(rows)), [row[0] for row in rows])
    axis.invert_yaxis()
    axis.set_xlim(0, 1.15 * max(fall["from"], fall["to"]))
    axis.grid(True, axis="x", color="#dddddd", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def waterfall(path):
    """From the first case to each other: where the watts and the dollars went."""
    pairs, cases = read(path, "compare", "pairs", "cases")
    shown = [(pair, name) for pair in pairs for name in DRAWN if name in pair.get("waterfalls", {})]
    if not shown:
        raise CannotPlot(f"{path}: no case drew power")
    columns = len({name for _, name in shown})
    figure, axes = plt.subplots(
        len(shown) // columns, columns, dpi=100, squeeze=False, layout="constrained",
        figsize=(12, 1.6 + 4.6 * (len(shown) // columns)),
    )  # fmt: skip
    for axis, (pair, name) in zip(axes.flat, shown):
        fall = pair["waterfalls"][name]
        _draw(axis, fall, pair)
        axis.set_xlabel(f"{DRAWN[name]} ({fall['unit']})")
    lines = [f"{name}: {title}" for name, title in cases.items()]
    figure.suptitle("\n".join(lines), x=0.012, ha="left", fontsize=12)
    return figure


def _by_name(levels):
    """The first factor whose levels are names, or None: points are told apart by it."""
    for factor in levels[0]:
        if all(not level[factor][:1].isdigit() for level in levels):
            return factor
    return None


def pareto(path):
    """What a search looked at, by its first two objectives, and the best of it."""
    study, objectives, points = read(path, "optimize", "study", "objectives", "points")
    if len(objectives) < 2:
        raise CannotPlot(f"{path}: has one objective; a front needs two")
    points = [p for p in points if None not in p["objectives"][:2]]
    if not points:
        raise CannotPlot(f"{path}: no point has figures")
    figure, axis = plt.subplots(figsize=(12, 7), dpi=100, layout="constrained")
    factor = _by_name([p["levels"] for p in points])

    def draw(chosen, **how):
        axis.scatter(
            [p["objectives"][0] for p in chosen], [p["objectives"][1] for p in chosen], **how
        )

    draw([p for p in points if not p["feasible"]], marker="x", color="#bbbbbb", s=24,
         label="breaks a constraint")  # fmt: skip
    draw([p for p in points if p["feasible"] and not p["best"]], color="#888888", s=16,
         label="beaten by another")  # fmt: skip
    best = [p for p in points if p["best"]]
    names = sorted({p["levels"][factor] for p in best}) if factor else [None]
    for name, colour, marker in zip(names, CYCLE * len(names), MARKERS * len(names)):
        draw([p for p in best if name in (None, p["levels"].get(factor))], color=colour,
             marker=marker, s=60, label=f"best: {name}" if name else "best")  # fmt: skip
    axis.set_xlabel(objectives[0]["value"])
    axis.set_ylabel(objectives[1]["value"])
    axis.grid(True, color="#dddddd", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    senses = ", ".join(f"{o['sense']} {o['value']}" for o in objectives)
    figure.suptitle(f"{study}: {senses}", x=0.012, ha="left", fontsize=16)
    return figure


COMPARISONS = {"waterfall": waterfall, "pareto": pareto}
