"""A small run file of the documented layout, with figures that can be checked by hand."""

import h5py
import numpy as np
import pytest

START = "2026-07-15T07:00:00Z"
STEP = 10  # s
SAMPLES = 360
TOKENS_PER_JOULE = 0.25  # of every sample, but of half the rate in the second half


def scale(group, name, values, units, long_name, **options):
    data = group.create_dataset(name, data=values, **options)
    data.make_scale(name)
    data.attrs["units"] = units
    data.attrs["long_name"] = long_name
    return data


def series(group, name, values, units, long_name, scales):
    data = group.create_dataset(name, data=values, chunks=True, compression="gzip", shuffle=True)
    for index, dimension in enumerate(scales):
        data.dims[index].attach_scale(group[dimension])
    data.attrs["units"] = units
    data.attrs["long_name"] = long_name


# Figures of two services of two replicas each; `chat` has four times those of `reasoning`.
FRONTIER = {"running": 64.0, "tpot_p50": 0.02, "j_per_token": 0.3, "gpu_power_w": 190.0}


def add_frontier(path):
    with h5py.File(path, "r+") as file:
        for service, factor in (("chat", 4.0), ("reasoning", 1.0)):
            for name, value in FRONTIER.items():
                file[f"summary/{service}/{name}"] = factor * value
            file[f"summary/{service}/replicas"] = 2.0
    return path


def add_racks(path, power):
    """Series of racks, [sample][rack], W."""
    with h5py.File(path, "r+") as file:
        racks = file.create_group("racks")
        text = h5py.string_dtype("utf-8")
        scale(racks, "time", file["site/time"][...], f"seconds since {START}", "end of the interval")
        scale(racks, "rack", [f"a-{i}" for i in range(power.shape[1])], "1", "rack", dtype=text)
        for name, share in (("power", 1.0), ("gpu_power", 0.7)):
            series(racks, name, share * power, "W", name, ["time", "rack"])


def add_ceilings(path, ceilings):
    """Clock ceilings of racks throughout the run."""
    with h5py.File(path, "r+") as file:
        racks = file.create_group("racks")
        time = file["site/time"][...]
        scale(racks, "time", time, f"seconds since {START}", "end of the interval")
        names = [f"a-{i}" for i in range(len(ceilings))]
        scale(racks, "rack", names, "1", "rack", dtype=h5py.string_dtype("utf-8"))
        values = np.tile(np.array([ceilings], dtype="f4"), (len(time), 1))
        series(racks, "clock_ceiling", values, "1", "highest clock", ["time", "rack"])
    return path


def write_run(path, complete=True, samples=SAMPLES, limit=2.0e6):
    text = h5py.string_dtype("utf-8")
    with h5py.File(path, "w") as file:
        file.attrs["title"] = "quickstart"
        file.attrs["Conventions"] = "CF-1.10"
        meta = file.create_group("meta")
        meta.attrs["complete"] = int(complete)
        meta.attrs["version"] = "0.1.0"
        meta.attrs["seed"] = 7
        meta.attrs["backend"] = "cpu"
        meta.attrs["trace_hash"] = "00ff00ff00ff00ff"
        meta.create_dataset("scenario_given", data="millwright: 1\n", dtype=text)
        meta.create_dataset("scenario_resolved", data="millwright: 1\nseed: 7\n", dtype=text)

        time = STEP * np.arange(1, samples + 1, dtype=float)
        day = 1 + 0.1 * np.sin(time / 500) + 0.02 * np.sin(time * 7)
        site = file.create_group("site")
        since = f"seconds since {START}"
        scale(site, "time", time, since, "end of the sampled interval")
        parts = {
            "gpu_power": 1.1e6, "rack_loss_power": 6e4, "electrical_loss_power": 9e4,
            "pump_power": 2e4, "heat_rejection_power": 5e4, "air_side_power": 4e4,
            "lighting_power": 5e3,
        }  # fmt: skip
        hosts = 2.2e5
        meter = sum(value * day for value in parts.values()) + hosts
        for name, value in parts.items():
            series(site, name, value * day, "W", name.replace("_", " "), ["time"])
        series(site, "meter_power", meter, "W", "power at the utility meter", ["time"])
        series(site, "limit_power", np.full(samples, limit), "W", "limit at the meter", ["time"])
        series(site, "it_power", 1.38e6 * day, "W", "IT power", ["time"])
        made = TOKENS_PER_JOULE * meter * np.where(np.arange(samples) < samples / 2, 1.0, 0.5)
        series(site, "tokens_out_rate", made, "1/s", "output tokens per second", ["time"])

        for name, degc in {
            "dry_bulb": 40.0, "facility_water_supply": 42.0, "coolant_supply": 45.0,
            "coolant_return": 54.0, "hottest_junction": 78.0,
        }.items():  # fmt: skip
            series(site, name, np.full(samples, degc), "degC", name.replace("_", " "), ["time"])

        services = file.create_group("services")
        scale(services, "time", time, since, "end of the sampled interval")
        for name, values in {
            "service": ["chat", "reasoning"],
            "metric": ["ttft", "tpot", "itl", "e2e", "queue"],
        }.items():
            scale(services, name, values, "1", name, dtype=text)
        quantiles = np.array([0.5, 0.9, 0.95, 0.99])
        scale(services, "quantile", quantiles, "1", "share of requests at or below")
        seconds = np.array([0.35, 0.021, 0.02, 5.0, 0.05])[:, None] * (1 + 3 * quantiles**8)
        series(
            services, "latency", np.stack([seconds, 2 * seconds]), "s", "latency of requests",
            ["service", "metric", "quantile"],
        )  # fmt: skip
        series(
            services, "running", np.full((samples, 2), 12.0), "1", "requests running",
            ["time", "service"],
        )  # fmt: skip

        events = file.create_group("events")
        scale(events, "event", np.arange(2), "1", "event number")
        series(events, "time", np.array([30.0, 60.5]), since, "when", ["event"])
        for name, values in {
            "kind": ["breach", "load_target"], "object": ["feed", "site"], "detail": ["", "1.8 MW"]
        }.items():  # fmt: skip
            data = events.create_dataset(name, data=values, dtype=text)
            data.dims[0].attach_scale(events["event"])
            data.attrs["units"], data.attrs["long_name"] = "1", name

        ledger = file.create_group("ledger")
        scale(ledger, "purpose", ["prefill", "decode", "idle"], "1", "purpose", dtype=text)
        series(ledger, "energy", np.array([1e9, 3e9, 5e8]), "J", "energy by purpose", ["purpose"])

        summary = file.create_group("summary")
        for name, value, unit, meaning in [
            ("pue", 1.17, "1", "power usage effectiveness"),
            ("tokens_per_s_per_mw", 187500.0, "1/s/MW", "output tokens per second and megawatt"),
            ("usd_per_mtok", 0.42, "USD/Mtok", "cost of a million output tokens"),
            ("chat/ttft_p99", 1.32, "s", "time to first token, 99th percentile"),
        ]:
            data = summary.create_dataset(name, data=value)
            data.attrs["units"], data.attrs["long_name"] = unit, meaning
    return path


@pytest.fixture
def run_file(tmp_path):
    return write_run(tmp_path / "run.h5")
