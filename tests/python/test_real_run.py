"""What the program itself writes: read, drawn, and killed at any moment."""

import json
import os
import random
import signal
import stat
import subprocess
import time
import warnings

import numpy as np
import pytest
import xarray as xr

import millwright

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(os.environ["MILLWRIGHT_BINARY_DIR"], "bin", "millwright")
QUICKSTART = os.path.join(ROOT, "scenarios", "quickstart.yaml")
KILLS = 100 if os.environ.get("MILLWRIGHT_ALL") else 8


def arguments(path, *more):
    return [PROGRAM, "run", QUICKSTART, "-o", str(path), "-q", *more]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "quickstart.h5"
    done = subprocess.run(
        arguments(path, "--json", "--set", "duration=90 s", "--set", "output.requests=true"),
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return path, json.loads(done.stdout)


def test_file_and_report_agree(finished):
    path, report = finished
    with millwright.open(path) as run:
        assert run.complete
        assert run.meta["trace_hash"] == report["trace_hash"]
        for name, metric in report["summary"].items():
            stored = float(run.summary[name])
            if metric["value"] is None:
                assert np.isnan(stored)
            else:
                assert stored == pytest.approx(metric["value"], rel=1e-12)
            assert run.summary[name].attrs["units"] == metric["unit"]


def test_the_meter_is_the_sum_of_its_parts_and_of_its_purposes(finished):
    with millwright.open(finished[0]) as run:
        site = run.site
        parts = sum(
            site[name].values
            for name in ("it_power", "electrical_loss_power", "pump_power",
                         "heat_rejection_power", "air_side_power", "lighting_power")
        )  # fmt: skip
        np.testing.assert_allclose(parts, site.meter_power.values, rtol=1e-9)
        np.testing.assert_allclose(
            site.purpose_power.sum("purpose").values, site.meter_power.values, rtol=1e-9
        )
        seconds = np.diff(site.time.values, prepend=site.time.values[0] - np.timedelta64(1, "s"))
        energy = (site.meter_power.values * (seconds / np.timedelta64(1, "s"))).sum()
        assert energy == pytest.approx(float(run.ledger.energy.sum()), rel=1e-9)


def test_requests_agree_with_the_percentiles(finished):
    path, report = finished
    with millwright.open(path) as run:
        ttft = run.requests.ttft.values
        chat = report["services"]["chat"]
        for name, q in (("ttft_p50", 50), ("ttft_p99", 99)):
            # The histogram's bins are 1/64 wide.
            assert chat[name]["value"] == pytest.approx(np.percentile(ttft, q), rel=0.02)


def test_time_is_utc(finished):
    with millwright.open(finished[0]) as run:
        assert run.site.time.values[0] == np.datetime64("2026-07-15T22:00:01")


@pytest.mark.parametrize("name", sorted(millwright.plots.PLOTS.keys() - {"batch_frontier"}))
def test_every_plot_draws_a_real_run(finished, name):
    with millwright.open(finished[0]) as run:
        millwright.plots.PLOTS[name](run)


def test_one_service_has_no_frontier_to_plot(finished):
    with millwright.open(finished[0]) as run, pytest.raises(millwright.plots.CannotPlot):
        millwright.plots.PLOTS["batch_frontier"](run)


def test_killed_runs_stay_readable_and_say_so(tmp_path):
    moments = random.Random(1)
    incomplete = 0
    for kill in range(KILLS):
        path = tmp_path / f"{kill}.h5"
        writer = subprocess.Popen(
            arguments(path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0, 2.5))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        if not path.exists():
            continue  # killed before the first snapshot: there is no file rather than a bad one
        for engine in ("h5netcdf", "netcdf4"):
            with xr.open_dataset(path, group="site", engine=engine) as site:
                assert (np.diff(site.time.values) > np.timedelta64(0)).all()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", millwright.IncompleteRun)
            with millwright.open(path) as run:
                assert not run.complete
        incomplete += 1
        path.unlink()
    assert incomplete > KILLS / 4


def test_ctrl_c_leaves_a_readable_file(tmp_path):
    path = tmp_path / "stopped.h5"
    writer = subprocess.Popen(arguments(path), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not path.exists() and writer.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)
    writer.send_signal(signal.SIGINT)
    out, _ = writer.communicate(timeout=30)
    assert writer.returncode == 1
    assert b"INTERRUPTED" in out
    with pytest.warns(millwright.IncompleteRun), millwright.open(path) as run:
        assert len(run.site.time) > 0


def test_a_disk_that_fills_up_is_an_error_and_leaves_the_last_snapshot(tmp_path):
    path = tmp_path / "full.h5"
    limited = ["bash", "-c", 'ulimit -f 400; exec "$@"', "bash", *arguments(path)]
    done = subprocess.run(limited, capture_output=True, text=True)
    assert done.returncode == 1
    assert str(path.parent) in done.stderr and "large" in done.stderr
    with pytest.warns(millwright.IncompleteRun), millwright.open(path) as run:
        assert not run.complete


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = subprocess.run(arguments(pipe), capture_output=True, text=True)
    assert done.returncode == 1
    assert "is not a plain file" in done.stderr
    assert stat.S_ISFIFO(pipe.stat().st_mode)
