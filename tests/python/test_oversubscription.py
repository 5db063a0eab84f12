import dataclasses
import os
import subprocess

import numpy as np
import pytest
from conftest import add_racks

import millwright
from millwright.__main__ import main
from millwright.oversubscription import YEAR, Racks, job_peaks, racks_of


def racks(**changes):
    base = Racks(count=8, period=1.0, mean=1e3, deviation=500.0, highest=1e9, correlation=0.0,
                 memory=0.0, factor=1.0, limit=100e3, design=2e3)  # fmt: skip
    return dataclasses.replace(base, **changes)


def test_racks_that_fit_follow_the_closed_form():
    """Independent racks: n m + z s sqrt(n). 100 kW, m = 1 kW, s = 0.5 kW, z = 2: n = 90.48..;
    in step: n (m + z s) = 2 n, so 50; without spread 100. At the meter 1.25 W for a watt: 80."""
    assert racks().fit(2.0) == 90
    assert racks(correlation=1.0).fit(2.0) == 50
    assert racks(deviation=0.0).fit(2.0) == 100
    assert racks(deviation=0.0, factor=1.25).fit(2.0) == 80
    assert racks().by_design() == 50


def test_no_sum_is_taken_above_the_highest_samples():
    """In step, mean 1 kW, spread 0.5 kW, never above 1.4 kW: 71 racks, whatever the risk. So racks
    whose peaks are smoothed to 1.1 kW are 90."""
    in_step = racks(correlation=1.0, highest=1.4e3)
    assert in_step.fit(2.0) == in_step.fit(3.7) == in_step.by_highest() == 71
    assert racks(correlation=1.0, highest=1.1e3).fit(2.0) == 90
    assert in_step.excursions_per_year(71) == 0
    assert in_step.excursions_per_year(72) > 0


def test_excursions_are_the_crossings_of_a_normal_process():
    """Counted in a long series: a sum that forgets a tenth of its deviation every second, through
    a level two deviations up."""
    memory, n = 0.9, 400_000
    draws = np.random.default_rng(3).normal(size=n) * np.sqrt(1 - memory**2)
    series = np.empty(n)
    series[0] = 0.0
    for i in range(1, n):
        series[i] = memory * series[i - 1] + draws[i]
    crossings = int(((series[:-1] <= 2) & (series[1:] > 2)).sum())
    limit = 8 * 1e3 + 2 * 500.0 * np.sqrt(8)
    told = racks(memory=memory, limit=limit).excursions_per_year(8) * n / YEAR
    assert told == pytest.approx(crossings, rel=0.15)


@pytest.mark.parametrize("together", [False, True])
def test_a_run_tells_spread_correlation_and_memory(run_file, together):
    draws = np.random.default_rng(1).normal(size=(360, 24))
    power = 1e5 + 1e4 * (np.repeat(draws[:, :1], 24, axis=1) if together else draws)
    add_racks(run_file, power)
    told = racks_of(millwright.open(run_file))
    assert told.count == 24
    assert told.mean == pytest.approx(1e5, rel=0.02)
    assert told.deviation == pytest.approx(1e4, rel=0.1)
    assert told.correlation == pytest.approx(1.0 if together else 0.0, abs=0.1)
    assert told.memory == pytest.approx(0.0, abs=0.15)
    independent = told.need(24, 3.0) - 24 * told.mean * told.factor
    assert independent > 0


def test_the_command_prints_what_fits(run_file, capsys):
    draws = np.random.default_rng(1).normal(size=(360, 24))
    add_racks(run_file, 1e5 + 1e4 * draws)
    assert main(["oversubscription", str(run_file)]) == 0
    out = capsys.readouterr().out
    assert "24 racks with GPUs" in out
    assert "exceeded in 1 in 10,000 samples" in out


def test_without_racks_or_limit_the_command_says_so(run_file, capsys):
    add_racks(run_file, np.full((360, 1), 1e5))
    assert main(["oversubscription", str(run_file)]) == 2
    assert "fewer than two racks" in capsys.readouterr().err


def test_a_job_in_step_fits_by_its_highest_moment_or_sub_step(run_file, tmp_path, capsys):
    """Ten racks: 1 MW for 50 ms and 0.6 MW for the rest of a second, smoothed 0.7 MW throughout. The
    highest 100 ms hold both halves: 0.8 MW, 80 kW a rack. So smoothing is worth 43 % more racks by
    the moment, 14 % by the sub-step."""
    table = tmp_path / "job.csv"
    rows = [f"{i / 100},{1e6 if 20 <= i < 25 else 6e5},{7e5}" for i in range(100)]
    table.write_text("\n".join(["seconds,none,floor", *rows]) + "\n")
    peaks = job_peaks(table, 10)
    assert peaks["none"] == pytest.approx((1e5, 8e4))
    assert peaks["floor"] == pytest.approx((7e4, 7e4))
    add_racks(run_file, 1e5 + 1e4 * np.random.default_rng(1).normal(size=(360, 24)))
    assert main(["oversubscription", str(run_file), "--job", str(table), "--job-racks", "10"]) == 0
    out = capsys.readouterr().out
    assert "+42.9 %" in out and "+14.3 %" in out
    assert main(["oversubscription", str(run_file), "--job", str(tmp_path / "none.csv")]) == 2
    assert "plan --write-power" in capsys.readouterr().err


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(os.environ.get("MILLWRIGHT_BINARY_DIR", ""), "bin", "millwright")
TRAINING = (
    "training=[{job: pretrain, model: llama_3_1_405b, stack: megatron_26_06, layout: {gpus: 768, tp: 4, "
    "pp: 16, vpp: 4, precision: fp8, sequence: 8192, global_batch: 768}, run: {start: 10 s}}]"
)


@pytest.mark.skipif(not os.access(PROGRAM, os.X_OK), reason="the program is not built")
@pytest.mark.parametrize(
    "sets, least, most, fit",
    [
        # The header of the scenario, on three minutes.
        ([], 0.0, 0.4, 19),
        (["inference=[]", TRAINING], 0.8, 1.0, 18),
    ],
)
def test_the_scenario_tells_serving_racks_from_those_of_a_job(tmp_path, sets, least, most, fit):
    path = tmp_path / "run.h5"
    words = [PROGRAM, "run", f"{ROOT}/scenarios/oversubscription.yaml", "-q", "-o", str(path)]
    for one in ["duration=3 min", *sets]:
        words += ["--set", one]
    subprocess.run(words, check=True, capture_output=True)
    told = racks_of(millwright.open(path))
    assert least <= told.correlation <= most
    assert told.by_design() == 13
    assert told.fit(3.719) == fit
    assert told.excursions_per_year(told.fit(3.719)) < 1
    # In step nothing is gained over the highest samples; serving gains what its racks do not share.
    assert told.by_highest() <= told.fit(3.719)
