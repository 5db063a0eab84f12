"""NVIDIA's pilot: what three racks left alone and four and six steered ones make of 500 kW.

    /usr/bin/python3 tests/docs/pilot.py build/release/bin/millwright

runs scenarios/pilot-3-vs-4.yaml with more traffic than it can complete and chat before reasoning, prints
the table of docs/power-steering.md and draws docs/images/pilot.png.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "images" / "pilot.png"
sys.path.insert(0, str(ROOT / "python-out"))

# Racks, policy, colour.
CASES = [
    (3, "none", "#999999"),
    (4, "steering", "#0072B2"),
    (6, "steering", "#009E73"),
    (6, "none", "#D55E00"),
]
COLUMNS = ["tokens_out_per_s", "mean_power_mw", "peak_power_mw", "time_above_limit", "j_per_token"]
OF_SERVICES = ["tpot_p50", "tpot_p99"]


def label(racks, policy):
    return f"{racks} racks, {'left alone' if policy == 'none' else policy}"


def run(program, folder, racks, policy):
    """Figures, and seconds and watts at the meter."""
    import millwright

    file = Path(folder) / f"{racks}-{policy}.h5"
    words = [program, "run", ROOT / "scenarios" / "pilot-3-vs-4.yaml", "--json", "--quiet", "-o", file]
    for one in (
        f"racks[a].count={racks}",
        f"control.power.policy={policy}",
        "inference[reasoning].traffic.scale=240",
        "inference[chat].power_rank=0",
        "inference[reasoning].power_rank=1",
    ):
        words += ["--set", one]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    figures = {name: item["value"] for name, item in report["summary"].items()}
    for service in ("chat", "reasoning"):
        for name in OF_SERVICES:
            figures[f"{service}.{name}"] = report["services"][service][name]["value"]
    with millwright.open(file) as opened:
        time = opened.site["time"].values
        seconds = (time - time[0]).astype("timedelta64[ns]").astype(float) * 1e-9
        watts = opened.site["meter_power_peak"].values
    return figures, seconds, watts


def draw(results):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.4), layout="constrained", width_ratios=(1.7, 1)
    )
    for (racks, policy, colour), (figures, seconds, watts) in zip(CASES, results):
        name = label(racks, policy)
        left.plot(seconds / 60, watts / 1e3, color=colour, linewidth=1.3, label=name)
        right.barh(name, figures["tokens_out_per_s"] / 1e6, color=colour)
    left.axhline(500, color="black", linestyle="--", linewidth=1, label="limit")
    left.set_ylim(0, 600)
    left.set_xlabel("minutes")
    left.set_ylabel("highest 100 ms at the meter, kW")
    left.legend(fontsize=7, loc="lower right", ncols=2)
    left.grid(alpha=0.3)
    right.invert_yaxis()
    right.set_xlabel("million output tokens/s")
    right.tick_params(axis="y", labelsize=8)
    right.grid(alpha=0.3, axis="x")
    figure.savefig(PICTURE, dpi=80)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        found = [run(Path(sys.argv[1]).resolve(), scratch, *case[:2]) for case in CASES]
    shown = COLUMNS + [f"{s}.{name}" for s in ("chat", "reasoning") for name in OF_SERVICES]
    print("case", *shown, sep="  ")
    for (racks, policy, _), (figures, _, _) in zip(CASES, found):
        print(label(racks, policy), *(f"{figures[c]:,.4g}" for c in shown), sep="  ")
    draw(found)
