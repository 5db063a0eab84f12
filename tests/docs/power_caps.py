"""Speed and energy under power limits, measured and by the twin.

    MILLWRIGHT_DATA=... /usr/bin/python3 tests/docs/power_caps.py build/release/bin/millwright

compares the sweeps of V100 and A40 (Zeus) with one law for all and with shares fitted to each, and draws
docs/images/power_caps.png.
"""
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "images" / "power_caps.png"
RATED = {"v100": 250, "a40": 300}
COLOURS = {"speed": "#0072B2", "energy": "#D55E00"}


def compared(program, data):
    """Rows of `validate` for the sweeps, as dicts."""
    tables = [Path(data) / "training" / "zeus" / f"summary_power_{gpu}.csv" for gpu in RATED]
    with tempfile.TemporaryDirectory() as folder:
        points, out = Path(folder) / "points.csv", Path(folder) / "out.csv"
        words = [program, "validate", "--convert", "zeus", *tables]
        points.write_text(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
        words = [program, "validate", points, "--quiet", "--csv", out]
        subprocess.run(words, capture_output=True, check=True)
        with open(points, newline="") as file:
            asked = list(csv.DictReader(file))
        with open(out, newline="") as file:
            told = list(csv.DictReader(file))
    return [a | t for a, t in zip(asked, told)]


def draw(rows):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    figure, panes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
    for pane, (gpu, rated) in zip(panes, RATED.items()):
        for name, colour in COLOURS.items():
            of_gpu = [r for r in rows if r["gpu"] == gpu]
            caps = sorted({float(r["cap"]) for r in of_gpu})

            def values(kind, cap, share):
                at = [r for r in of_gpu if float(r["cap"]) == cap and r["compute_share"] == share]
                return [float(r[f"{kind}_relative_{name}"]) for r in at]

            measured = [np.quantile(values("measured", c, ""), [0.1, 0.5, 0.9]) for c in caps]
            low, middle, high = zip(*measured)
            pane.fill_between(caps, low, high, color=colour, alpha=0.15, linewidth=0)
            pane.plot(caps, middle, "o", color=colour, ms=4, label=f"{name}, measured: median, 10 to 90 %")
            for share, style, text in (("", "-", "one law for all"), ("fit", "--", "fitted shares")):
                twin = [np.median(values("predicted", c, share)) for c in caps]
                pane.plot(caps, twin, style, color=colour, linewidth=1.2, label=f"{name}, twin: {text}")
        pane.axvline(rated / 2, color="#999999", linewidth=0.8, linestyle=":")
        pane.set_title(f"{gpu.upper()}, rated {rated} W", fontsize=10)
        pane.set_xlabel("power limit, W (dotted: half of the rated power)")
        pane.grid(alpha=0.3)
    panes[0].set_ylim(0.2, 1.6)
    panes[0].set_ylabel("relative to no limit")
    panes[0].legend(fontsize=7)
    figure.savefig(PICTURE, dpi=80)


if __name__ == "__main__":
    draw(compared(Path(sys.argv[1]).resolve(), os.environ["MILLWRIGHT_DATA"]))
