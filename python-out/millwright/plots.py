"""Drawings of one run. Each takes a Run and returns a matplotlib Figure."""

import warnings

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator

from millwright.oversubscription import RISKS, CannotTell, racks_of
from millwright.run import summary_table

# Okabe and Ito's colours, which people with any colour vision tell apart
# (https://jfly.uni-koeln.de/color/).
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE, BLACK = "#0072B2", "#D55E00", "#CC79A7", "#000000"
CYCLE = [BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, BLACK, YELLOW]
MARKERS = "osD^vP*X"


class CannotPlot(Exception):
    """The run does not hold what the plot shows."""


def _figure(run, title, panels=1):
    rows, columns = panels if isinstance(panels, tuple) else (1, panels)
    figure, axes = plt.subplots(rows, columns, figsize=(12, 7), dpi=100, layout="constrained")
    name = run.title or run.path
    figure.suptitle(
        f"{title}: {name}{'' if run.complete else ' (incomplete run)'}",
        x=0.012, ha="left", fontsize=16,
    )  # fmt: skip
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    for axis in np.atleast_1d(axes):
        axis.grid(True, color="#dddddd", linewidth=0.8)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _time_axis(axis, time):
    locator = mdates.AutoDateLocator(minticks=4, maxticks=9)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    axis.set_xlabel("time (UTC)")
    if len(time) > 1:
        axis.set_xlim(time[0], time[-1])


def _scale(largest, unit):
    """A power of a thousand that puts `largest` between 1 and 1000, and its prefixed unit."""
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if largest >= factor:
            return factor, prefix + unit
    return 1.0, unit


def _series(dataset, name, group="site"):
    if name not in dataset:
        raise CannotPlot(f"/{group} holds no {name}; has {', '.join(sorted(dataset.data_vars))}")
    if dataset.sizes.get("time", 0) == 0:
        raise CannotPlot(f"/{group} holds no samples yet; let the run go on a little")
    return dataset[name].values.astype(float)


def _legend_outside(axis, **options):
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, **options)


STACK = [
    ("gpu_power", "GPUs", BLUE),
    (None, "rest of the IT: hosts, switches,\nnetwork, storage", SKY),
    ("rack_loss_power", "losses in the racks", PURPLE),
    ("electrical_loss_power", "losses upstream: UPS,\ntransformers, wiring", ORANGE),
    ("pump_power", "pumps", GREEN),
    ("heat_rejection_power", "heat rejection", VERMILION),
    ("air_side_power", "air side", YELLOW),
    ("lighting_power", "lighting", "#999999"),
]


def site_power(run):
    """Where the power at the meter goes, stacked, against the limit."""
    site = run.site
    time = site["time"].values if "time" in site else []
    meter = _series(site, "meter_power")
    parts = {name: _series(site, name) for name, _, _ in STACK if name}
    rest = meter - sum(parts.values())  # so the stack ends at the meter, whatever it holds
    if (rest < -1e-6 * np.maximum(meter, 1.0)).any():
        warnings.warn("the components add up to more than the meter shows", stacklevel=2)
    limit = site["limit_power"].values.astype(float) if "limit_power" in site else np.array([np.nan])

    top = max(np.nanmax(meter), np.nanmax(limit, initial=0.0))
    factor, unit = _scale(top, "W")
    figure, axis = _figure(run, "Power at the meter")
    layers, labels, colours = [], [], []
    for name, label, colour in STACK:
        values = parts[name] if name else np.maximum(rest, 0.0)
        layers.append(values / factor)
        labels.append(label)
        colours.append(colour)
    areas = axis.stackplot(time, layers, colors=colours, edgecolor="white", linewidth=0.2)
    entries = list(zip(areas, labels))[::-1]  # in the legend as in the picture: top first
    if np.isfinite(limit).any():
        (line,) = axis.step(
            time, limit / factor, where="pre", color=BLACK, linestyle="--", linewidth=2
        )
        entries.insert(0, (line, "limit"))
    axis.set_ylim(0, top / factor * 1.08)
    axis.set_ylabel(f"power ({unit})")
    _time_axis(axis, time)
    handles, names = zip(*entries)
    _legend_outside(axis, handles=handles, labels=names)
    return figure


def tokens_per_mw(run):
    """Tokens made per second and megawatt at the meter: each sample, smoothed, and the whole run."""
    site = run.site
    tokens = _series(site, "tokens_out_rate")
    meter = _series(site, "meter_power")
    time = site["time"].values
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(meter > 0, tokens / meter * 1e6, np.nan)
    # Smoothed as tokens over energy of a centred window, not as a mean of ratios.
    width = max(1, len(time) // 40)
    smooth = _centred_sum(tokens, width) / np.maximum(_centred_sum(meter, width), 1e-300) * 1e6
    # Samples stand for the interval before them, so a first one of its own length weighs its own.
    weights = _durations(time)
    mean = (tokens * weights).sum() / max((meter * weights).sum(), 1e-300) * 1e6

    top = np.nanmax(each) if np.isfinite(each).any() else 0.0
    factor, unit = _scale(top, "token/s/MW")
    unit = unit.replace("ktoken", "thousand tokens").replace("Mtoken", "million tokens")
    figure, axis = _figure(run, "Tokens made per megawatt at the meter")
    axis.plot(time, each / factor, color=SKY, linewidth=0.8, label="each sample")
    if width > 1:
        axis.plot(
            time, smooth / factor, color=BLUE, linewidth=2.5, label=f"over {width} samples"
        )
    axis.axhline(
        mean / factor, color=VERMILION, linestyle="--", linewidth=2,
        label=f"whole run: {mean:,.0f} token/s/MW",
    )  # fmt: skip
    axis.set_ylim(0, top / factor * 1.08 or 1.0)
    axis.set_ylabel(f"output tokens per megawatt ({unit})")
    _time_axis(axis, time)
    _legend_outside(axis)
    return figure


def _centred_sum(values, width):
    """Sums over `width` neighbours, fewer at the ends."""
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
    index = np.arange(len(values))
    low = np.maximum(index - width // 2, 0)
    high = np.minimum(index + (width - width // 2), len(values))
    return total[high] - total[low]


def _durations(time):
    """Seconds each sample stands for: since the one before; the first as long as the second."""
    if len(time) < 2:
        return np.ones(len(time))
    steps = np.diff(time) / np.timedelta64(1, "s")
    return np.concatenate([steps[:1], steps])


METRICS = {"ttft": "time to first token", "tpot": "time per output token"}


def latency(run):
    """Percentiles of time to first token and time per output token, a line a service."""
    services = run.services
    if "latency" not in services:
        raise CannotPlot("/services holds no latency; the run served no requests")
    table = services["latency"]
    figure, axes = _figure(run, "What a user waits for", panels=len(METRICS))
    quantiles = table["quantile"].values.astype(float)
    names = [str(name) for name in table["service"].values]
    for axis, (metric, meaning) in zip(axes, METRICS.items()):
        if metric not in table["metric"].values:
            raise CannotPlot(f"/services/latency holds no {metric}")
        for index, name in enumerate(names):
            values = table.isel(service=index).sel(metric=metric).values.astype(float) * 1e3
            values = np.where(values > 0, values, np.nan)  # none completed: nothing to draw
            axis.plot(
                range(len(quantiles)), values, marker=MARKERS[index % len(MARKERS)], markersize=8,
                linewidth=2, color=CYCLE[index % len(CYCLE)], label=name,
            )  # fmt: skip
            if len(names) <= 3:
                for x, value in enumerate(values):
                    if np.isfinite(value):
                        axis.annotate(
                            _milliseconds(value), (x, value), textcoords="offset points",
                            xytext=(-6, 8), ha="right", fontsize=9,
                        )  # fmt: skip
        axis.set_yscale("log")
        low, high = axis.get_ylim()
        axis.set_ylim(low / 1.3, high * 1.3)
        axis.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(lambda value, _: _milliseconds(value))
        axis.yaxis.set_minor_formatter(lambda value, _: "")
        axis.set_xticks(range(len(quantiles)), [f"P{q * 100:g}" for q in quantiles])
        axis.set_xlim(-max(0.6, 0.13 * len(quantiles)), len(quantiles) - 0.6)
        axis.set_xlabel("percentile of requests")
        axis.set_ylabel("time (log scale)")
        axis.set_title(f"{meaning} ({metric.upper()})", loc="left", fontsize=12)
    _legend_outside(axes[-1], title="service")
    return figure


def _milliseconds(value):
    return f"{value / 1e3:.3g} s" if value >= 1e3 else f"{value:.3g} ms"


def batch_frontier(run):
    """Services that differ in their batch: joules and wait of a token, and power of a GPU, by batch."""
    figures = summary_table(run)["value"]
    names = [str(name) for name in run.services["service"].values]
    if len(names) < 2:
        raise CannotPlot("one service makes no frontier; run scenarios/batch-frontier.yaml")

    def by_service(figure):
        missing = [name for name in names if f"{name}/{figure}" not in figures.index]
        if missing:
            raise CannotPlot(f"/summary holds no {missing[0]}/{figure}")
        return np.array([float(figures[f"{name}/{figure}"]) for name in names])

    batch = by_service("running") / by_service("replicas")
    order = np.argsort(batch)
    batch, joules, watts, wait = (
        values[order]
        for values in (
            batch, by_service("j_per_token"), by_service("gpu_power_w"), by_service("tpot_p50"),
        )
    )  # fmt: skip
    figure, (left, right) = _figure(run, "What a larger batch buys", panels=2)
    left.plot(batch, joules, marker="o", markersize=8, linewidth=2.5, color=BLUE)
    for x, y, seconds in zip(batch, joules, wait):
        left.annotate(
            _milliseconds(1e3 * seconds), (x, y), textcoords="offset points", xytext=(7, 7),
            fontsize=10,
        )  # fmt: skip
    left.set_ylim(0, joules.max() * 1.12)
    left.set_ylabel("energy at the meter (J/token)")
    left.set_title("energy of a token; beside each point the time per token", loc="left", fontsize=12)
    right.plot(batch, watts, marker="o", markersize=8, linewidth=2.5, color=VERMILION)
    right.set_ylabel("mean power of a GPU (W)")
    right.set_title("power of a GPU (the axis does not start at 0)", loc="left", fontsize=12)
    for axis in (left, right):
        axis.set_xscale("log", base=2)
        axis.set_xticks(batch, [f"{value:.0f}" for value in batch])
        axis.set_xlim(batch[0] / 1.3, batch[-1] * 1.6)
        axis.set_xlabel("running requests of a replica (log scale)")
    return figure


def oversubscription(run):
    """How many racks like these the limit takes, at what risk: each provisioned by the highest sample
    of any, against what they draw together. Racks without GPUs are part of the rest; the first
    tenth of the run, in which it fills, is left out."""
    try:
        racks = racks_of(run)
    except CannotTell as error:
        raise CannotPlot(str(error)) from error
    by_highest = racks.by_highest()
    fits = {name: racks.fit(z) for name, z in RISKS.items()}

    figure, axis = _figure(run, "How many racks the limit takes")
    n = np.arange(1, max(*fits.values(), by_highest, racks.count) * 5 // 4 + 2)
    scale, unit = _scale(racks.limit, "W")
    axis.plot(n, (n * racks.highest * racks.factor + racks.rise(n)) / scale, color=BLACK, linewidth=2,
              label=f"each rack's highest sample: {by_highest} racks")  # fmt: skip
    for (name, z), colour in zip(RISKS.items(), CYCLE):
        axis.plot(n, racks.need(n, z) / scale, color=colour, linewidth=2,
                  label=f"exceeded {name} samples: {fits[name]} racks")  # fmt: skip
    axis.axhline(racks.limit / scale, color=VERMILION, linestyle="--", linewidth=2, label="limit")
    axis.axvline(racks.count, color="#999999", linewidth=1, label=f"this run: {racks.count} racks")
    axis.set_xlim(0.5 * min(*fits.values(), by_highest), n[-1])
    axis.set_ylim(0.5 * racks.limit / scale, 1.3 * racks.limit / scale)
    axis.set_xlabel("racks (axes do not start at 0)")
    axis.set_ylabel(f"power at the meter ({unit})")
    axis.set_title(f"correlation between racks {racks.correlation:.2f}", loc="left", fontsize=12)
    _legend_outside(axis)
    return figure


TEMPERATURES = [
    ("hottest_junction", "junctions, hottest rack", VERMILION),
    ("coolant_return", "coolant from the racks", ORANGE),
    ("coolant_supply", "coolant to the racks", GREEN),
    ("facility_water_supply", "facility water", BLUE),
    ("dry_bulb", "outdoor air", "#999999"),
]


def thermal(run):
    """Temperatures from the outdoor air to the chips, and the clocks that heat allows."""
    site = run.site
    lines = [(label, _series(site, name), colour) for name, label, colour in TEMPERATURES]
    time = site["time"].values
    figure, (top, bottom) = _figure(run, "Heat on its way out", panels=(2, 1))
    for label, values, colour in lines:
        top.plot(time, values, color=colour, linewidth=2, label=label)
    top.set_ylabel("temperature (degC)")
    _mark_events(run, top)
    _legend_outside(top)
    racks = run.racks if "racks" in run.groups else {}
    if "clock_ceiling" in racks:
        ceiling = racks["clock_ceiling"].values.astype(float)
        moments = racks["time"].values
        bottom.plot(moments, ceiling.mean(axis=1), color=PURPLE, linewidth=2, label="mean rack")
        bottom.plot(moments, ceiling.min(axis=1), color=BLACK, linewidth=1, label="slowest rack")
    tokens = site["tokens_out_rate"].values.astype(float) if "tokens_out_rate" in site else None
    if tokens is not None and np.nanmax(tokens, initial=0.0) > 0:
        bottom.plot(
            time, tokens / np.nanmax(tokens), color=SKY, linewidth=0.8,
            label="output tokens,\nof their highest rate",
        )  # fmt: skip
    bottom.set_ylim(0, 1.05)
    bottom.set_ylabel("share of the highest")
    for axis in (top, bottom):
        _time_axis(axis, time)
    if bottom.lines:
        _legend_outside(bottom)
    return figure


def _mark_events(run, axis):
    """A line where one begins, with its kind; ends and every single rack's clocks are left out."""
    if "events" not in run.groups or run.events.sizes.get("event", 0) == 0:
        return
    shown = set()
    for moment, kind in zip(run.events["time"].values, run.events["kind"].values):
        kind = kind.decode() if isinstance(kind, bytes) else str(kind)
        if kind in shown or kind.endswith("_over"):
            continue
        shown.add(kind)
        axis.axvline(moment, color=BLACK, linewidth=0.8, linestyle=":")
        axis.annotate(
            kind.replace("_", " "), (moment, 1.0), xycoords=("data", "axes fraction"), rotation=90,
            ha="right", va="top", fontsize=10,
        )  # fmt: skip


PLOTS = {
    "site_power": site_power,
    "tokens_per_mw": tokens_per_mw,
    "latency": latency,
    "batch_frontier": batch_frontier,
    "oversubscription": oversubscription,
    "thermal": thermal,
}
