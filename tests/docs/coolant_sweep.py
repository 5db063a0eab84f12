"""The coolant sweep: a year of the plant for each climate, plant and supply temperature.

    MILLWRIGHT_DATA=... /usr/bin/python3 tests/docs/coolant_sweep.py build/release/bin/millwright

runs scenarios/coolant-sweep.yaml for all of them, writes the tables of docs/coolant-sweep.md anew and
draws docs/images/coolant_sweep.png.
"""
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "coolant-sweep.md"
PICTURE = ROOT / "docs" / "images" / "coolant_sweep.png"

# Weather file and the local start of its year.
CLIMATES = {
    "Singapore": ("SGP_Singapore.486980_IWEC", "+08:00"),
    "Phoenix": ("USA_AZ_Phoenix-Sky.Harbor_TMYx", "-07:00"),
    "Leesburg": ("USA_VA_Leesburg.Exec_TMYx", "-05:00"),
    "Chicago": ("USA_IL_Chicago.OHare_TMYx", "-06:00"),
    "Stockholm": ("SWE_Stockholm.Arlanda.024600_IWEC", "+01:00"),
}
PLANTS = {
    "dry": ["site.cooling.plant=dry_cooler_trim"],
    "adiabatic": ["site.cooling.plant={extends: dry_cooler_trim, adiabatic: {above: 25 degC}}"],
    "tower+chiller": ["site.cooling.plant=tower_chiller"],
}
SUPPLIES = [25, 30, 35, 40, 45]
COLUMNS = {
    "PUE": ("pue", "{:.4f}"),
    "WUE L/kWh": ("wue_l_per_kwh", "{:.3f}"),
    "trim h": ("trim_hours", "{:.0f}"),
    "fans kW": ("rejection_fan_kw", "{:.1f}"),
    "pumps kW": ("pump_kw", "{:.1f}"),
    "trim kW": ("trim_kw", "{:.1f}"),
    "chip degC": ("mean_junction_degc", "{:.1f}"),
    "site MW": ("mean_power_mw", "{:.4f}"),
}


def weather(climate):
    """The settings that put a scenario there, from the first hour of the year on."""
    name, offset = CLIMATES[climate]
    return [
        f"site.climate.weather=climate_grid/weather/{name}.epw",
        f"site.climate.start=2026-01-01T00:00{offset}",
    ]


def run(program, scenario, sets):
    """{figure: value} of a run."""
    words = [program, "run", ROOT / "scenarios" / scenario, "--json", "--no-output", "--quiet"]
    for one in sets:
        words += ["--set", one]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    report = json.loads(done.stdout)
    return {name: item["value"] for name, item in report["summary"].items()}


def point(program, climate, plant, supply):
    sets = PLANTS[plant] + [f"site.cooling.supply={supply} degC"] + weather(climate)
    return run(program, "coolant-sweep.yaml", sets)


def sweep(program):
    return {
        (climate, plant, supply): point(program, climate, plant, supply)
        for climate in CLIMATES
        for plant in PLANTS
        for supply in SUPPLIES
    }


def table(results, climate):
    rows = [["plant", "supply degC", *COLUMNS]]
    for plant in PLANTS:
        for supply in SUPPLIES:
            figures = results[climate, plant, supply]
            cells = [shape.format(figures[name]) for name, shape in COLUMNS.values()]
            rows.append([plant, str(supply), *cells])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths)))
        for row in rows
    )


def block_of(climate, text):
    """Where its table begins and ends in the page."""
    head = f"<!-- figures of {climate} -->\n```\n"
    start = text.index(head) + len(head)
    return start, text.index("\n```", start)


def write(results):
    text = PAGE.read_text()
    for climate in CLIMATES:
        start, end = block_of(climate, text)
        text = text[:start] + table(results, climate) + text[end:]
    PAGE.write_text(text)


def draw(results):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panes = plt.subplots(1, len(PLANTS), figsize=(9, 3), sharey=True, layout="constrained")
    for pane, plant in zip(panes, PLANTS):
        for climate in CLIMATES:
            power = [results[climate, plant, s]["mean_power_mw"] for s in SUPPLIES]
            coolest = min(results[climate, p, s]["mean_power_mw"] for p in PLANTS for s in SUPPLIES)
            pane.plot(SUPPLIES, [100 * (p / coolest - 1) for p in power], "o-", ms=3, label=climate)
        pane.set_title(plant, fontsize=10)
        pane.set_xlabel("coolant supply, degC")
        pane.grid(alpha=0.3)
    panes[0].set_ylabel("year's energy over the best, %")
    panes[0].legend(fontsize=7)
    figure.savefig(PICTURE, dpi=80)


if __name__ == "__main__":
    made = sweep(Path(sys.argv[1]).resolve())
    write(made)
    draw(made)
    for each in CLIMATES:
        print(f"{each}\n{table(made, each)}\n")
