"""The plant's year through the command line: the published reference, and the tables of the page."""
import csv
import os
from pathlib import Path

import coolant_sweep
import pytest
from test_docs import PROGRAM

DATA = os.environ.get("MILLWRIGHT_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="MILLWRIGHT_DATA is not set")


@pytest.fixture(scope="module")
def program():
    if not os.access(PROGRAM, os.X_OK):
        pytest.skip(f"{PROGRAM} is not built")
    return PROGRAM


def reference():
    """Rows with a range of 10 K, as the plant's facility water has: FWS 42, 40.55, 35, 30, 24, 45."""
    path = Path(DATA or ".") / "climate_grid" / "ref_dry_cooler_annual.csv"
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            if float(row["coolant_range_K"]) == 10:
                yield row


@needs_data
def test_t9_dry_coolers_over_a_year_in_five_climates(program):
    checked = 0
    for climate, (name, _) in coolant_sweep.CLIMATES.items():
        for row in reference():
            fws, coolers = float(row["T_outlet_set_degC"]), float(row["coolers_per_rated_load"])
            if row["weather_file"] != f"{name}.epw" or fws not in (42, 30) or coolers == 2:
                continue
            # The approach of the CDUs, 3 K, lies between the set points.
            sets = coolant_sweep.weather(climate) + [
                f"site.cooling.supply={fws + 3} degC",
                f"site.cooling.plant.oversizing={coolers}",
            ]
            now = coolant_sweep.run(program, "plant-reference.yaml", sets)
            heat_kw = now["it_energy_mwh"] * 1e3 / 8760
            assert abs(now["trim_hours"] - int(row["hours_dry_cooler_alone_cannot_meet_set"])) <= 2
            # Phoenix has 93 h of 40.0 degC, which is just what the water enters with in that row: the
            # reference runs its fans there by a rounding, for no heat.
            if (climate, fws, coolers) != ("Phoenix", 30, 1.5):
                fan = float(row["mean_fan_power_over_Q"])
                assert now["rejection_fan_kw"] / heat_kw == pytest.approx(fan, rel=1e-3, abs=1e-6)
            trim = float(row["mean_trim_over_Q"])
            assert now["trim_heat_kw"] / heat_kw == pytest.approx(trim, rel=1e-3, abs=1e-6)
            checked += 1
    assert checked == 20


@needs_data
def test_the_page_holds_what_the_program_gives(program):
    page = coolant_sweep.PAGE.read_text()
    for climate, plant, supply in (
        ("Phoenix", "dry", 45),
        ("Phoenix", "adiabatic", 35),
        ("Singapore", "tower+chiller", 30),
        ("Stockholm", "dry", 30),
    ):
        figures = coolant_sweep.point(program, climate, plant, supply)
        cells = [shape.format(figures[name]) for name, shape in coolant_sweep.COLUMNS.values()]
        start, end = coolant_sweep.block_of(climate, page)
        rows = [line.split() for line in page[start:end].splitlines()]
        assert [plant, str(supply), *cells] in rows, (
            f"{climate}, {plant}, {supply} degC is now {cells}; make the page anew:\n"
            "    /usr/bin/python3 tests/docs/coolant_sweep.py build/release/bin/millwright"
        )


def test_warmer_coolant_needs_less_trim_and_makes_warmer_chips(program):
    hours, chips = [], []
    for supply in (25, 35, 45):
        now = coolant_sweep.run(program, "coolant-sweep.yaml", [f"site.cooling.supply={supply} degC"])
        hours.append(now["trim_hours"])
        chips.append(now["mean_junction_degc"])
    assert hours[0] > hours[1] >= hours[2]
    assert all(9.9 < b - a < 11 for a, b in zip(chips, chips[1:])), "10 K of coolant, a little leakage"
