import h5py
import numpy as np
import pytest
import xarray as xr
from conftest import SAMPLES, STEP, write_run

import millwright


def test_time_is_utc_and_units_stay(run_file):
    run = millwright.open(run_file)
    assert run.site.time.values[0] == np.datetime64("2026-07-15T07:00:10")
    assert run.site.time.values[-1] == np.datetime64("2026-07-15T07:00:00") + np.timedelta64(
        SAMPLES * STEP, "s"
    )
    assert run.site.meter_power.attrs["units"] == "W"
    assert run.site.meter_power.dims == ("time",)
    assert str(run.site.sel(time="2026-07-15T07:30:00").time.values).startswith("2026-07-15T07:30")
    assert run.events.time.values[1] == np.datetime64("2026-07-15T07:01:00.500")


def test_latencies_stay_numbers_of_seconds(run_file):
    latency = millwright.open(run_file).services.latency
    assert latency.dtype == np.float64
    value = latency.sel(service="chat", metric="ttft", quantile=0.5)
    assert value == pytest.approx(0.35 * (1 + 3 * 0.5**8))


def test_every_part_is_there(run_file):
    with millwright.open(run_file) as run:
        assert run.complete
        assert run.title == "quickstart"
        assert run.meta["seed"] == 7
        assert run.meta["trace_hash"] == "00ff00ff00ff00ff"
        assert run.meta["scenario_resolved"].endswith("seed: 7\n")
        assert list(run.events.kind.values) == ["breach", "load_target"]
        assert run.ledger.energy.sel(purpose="decode") == 3e9
        assert run.requests is None
        with pytest.raises(millwright.NotARun, match="has no /racks; this run wrote events"):
            run.racks


def test_the_summary_table(run_file):
    table = millwright.summary_table(millwright.open(run_file))
    assert table.loc["pue", "value"] == 1.17
    assert table.loc["usd_per_mtok", "unit"] == "USD/Mtok"
    assert table.loc["chat/ttft_p99", "value"] == 1.32
    assert list(table.columns) == ["value", "unit", "meaning"]
    assert list(table.index) == ["pue", "tokens_per_s_per_mw", "usd_per_mtok", "chat/ttft_p99"]


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_the_layout_opens_in_plain_xarray(run_file, engine):
    """So the fixture, and with it the documented layout, needs nothing of ours."""
    with xr.open_dataset(run_file, group="site", engine=engine) as site:
        assert site.time.dtype.kind == "M"
        assert site.time.values[0] == np.datetime64("2026-07-15T07:00:10")


def test_an_incomplete_run_opens_and_warns(tmp_path):
    path = write_run(tmp_path / "part.h5", complete=False, samples=3)
    with pytest.warns(millwright.IncompleteRun, match="has not ended or was killed"):
        run = millwright.open(path)
    assert not run.complete
    assert run.site.sizes["time"] == 3


def test_files_that_are_no_run(tmp_path):
    with pytest.raises(millwright.NotARun, match="no such file; make one with"):
        millwright.open(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(millwright.NotARun, match="not readable as HDF5"):
        millwright.open(tmp_path / "text.h5")
    h5py.File(tmp_path / "other.h5", "w").close()
    with pytest.raises(millwright.NotARun, match="not a Millwright run"):
        millwright.open(tmp_path / "other.h5")
    with pytest.raises(millwright.NotARun, match="not readable as HDF5"):
        millwright.open(tmp_path)
