#!/usr/bin/env python3
"""How the cost of a site served by cohort grows with racks, hours and requests: a log-log plot.

    tests/bench/scaling.py build/release/bin/millwright docs/images/cohort_scaling.png

Each point is `millwright bench` on scenarios/gigawatt-serving.yaml with one figure changed; the
lines have slope 1. Costs are processor seconds: they depend on the machine, slopes should not.
"""
import json
import pathlib
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = pathlib.Path(__file__).resolve().parents[2]
RACKS, RATE = 5543, 112000


def cost(program, racks=RACKS, seconds=60, rate=RATE, share=0.01):
    sets = [f"racks[nvl72].count={racks}", f"inference[reasoning].traffic.scale={rate}",
            f"fidelity.share={share}"]
    command = [program, "bench", str(ROOT / "scenarios/gigawatt-serving.yaml"), "--json", "-t", "1",
               "--repeat", "3", "--warm-up", "120", "--seconds", str(seconds)]
    for one in sets:
        command += ["--set", one]
    return json.loads(subprocess.check_output(command))["runs"][0]["core_s"]


def main(program, picture):
    part = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]
    series = {
        "racks (load alike)": [(p, cost(program, round(RACKS * p), rate=round(RATE * p)))
                               for p in part],
        "simulated time": [(p, cost(program, seconds=round(240 * p)) / 4) for p in part],
        "requests simulated (share of pods)": [(p, cost(program, share=0.16 * p)) for p in part],
    }
    figure, axes = plt.subplots(figsize=(6, 4))
    for name, points in series.items():
        x, y = zip(*points)
        axes.loglog(x, y, "o-", label=name)
        axes.loglog(x, [y[-1] * v for v in x], "k:", linewidth=0.8)
    axes.set_xlabel("part of the largest case")
    axes.set_ylabel("processor seconds")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(picture, dpi=100)
    json.dump(series, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])
