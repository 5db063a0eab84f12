"""How many racks like a run's fit under its limit, and at what risk."""

import csv
import dataclasses

import numpy as np

YEAR = 365.25 * 86400.0


class CannotTell(Exception):
    """The run does not hold what the question needs; the message says what to do."""


@dataclasses.dataclass(frozen=True)
class Racks:
    """What racks with GPUs drew at their inputs. Powers in W, times in s."""

    count: int
    period: float  # of a sample
    mean: float  # of a rack
    deviation: float  # of a rack, mean over racks
    highest: float  # sample of any rack
    correlation: float  # between two racks, 0 to 1
    memory: float  # autocorrelation of their sum after one sample
    factor: float  # W at the meter for one W of theirs, with losses, cooling and all else
    limit: float  # at the meter
    design: float  # at the meter, of one rack at its design power with its share of all else
    ripple: float = 0.0  # at the meter: the highest sub-step above the highest sample

    def together(self, n):
        """Standard deviation of the sum of n racks: s sqrt(n (1 + (n - 1) rho))."""
        return self.deviation * np.sqrt(n * (1 + (n - 1) * self.correlation))

    def need(self, n, z):
        """At the meter: what n racks stay below in all but the z-quantile's share of samples. Their
        sum is taken as normal, and never above n times the highest sample that was seen; on top
        comes what sub-steps rise above samples, which adds up as the spread does."""
        sums = self.factor * np.minimum(n * self.mean + z * self.together(n), n * self.highest)
        return sums + self.rise(n)

    def rise(self, n):
        alone = self.together(self.count)
        return self.ripple * self.together(n) / alone if alone > 0 else 0.0

    def fit(self, z):
        """Most racks whose need is within the limit."""
        return self._most(lambda n: self.need(n, z))

    def by_highest(self):
        """Racks that fit if each is provisioned by the highest sample of any, and all by what sub-steps
        rise above samples."""
        return self._most(lambda n: self.factor * n * self.highest + self.rise(n))

    def _most(self, need):
        low, high = 0, 1
        while need(high) <= self.limit:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if need(middle) <= self.limit else (low, middle)
        return low

    def by_design(self):
        """Racks that fit if each is provisioned by its design power."""
        return int(self.limit // self.design)

    def excursions_per_year(self, n):
        """How often the sum of n racks would rise through the limit in a year without a controller.

        A stationary normal process with autocorrelation r after one sample crosses its mean upwards
        arccos(r) / (2 pi) times a sample, and a level z deviations above it exp(-z^2 / 2) times as
        often (Rice 1944). None where the racks' highest samples together stay within the limit.
        """
        room = (self.limit - self.rise(n)) / self.factor
        deviation = self.together(n)
        if n * self.highest <= room or deviation <= 0:
            return 0.0
        z = (room - n * self.mean) / deviation
        crossings = np.arccos(np.clip(self.memory, -1.0, 1.0)) / (2 * np.pi * self.period)
        return float(YEAR * crossings * np.exp(-0.5 * max(z, 0.0) ** 2))


def racks_of(run):
    """Racks of a run, its first tenth left out: a site that starts empty fills up in all its racks at
    once. Raises CannotTell."""
    site, racks = run.site, run.racks
    power = _series(racks, "power")
    limit = np.nanmin(_series(site, "limit_power"), initial=np.inf)
    if not np.isfinite(limit):
        raise CannotTell("the run has no limit at the meter; give site.envelope")
    power = power[:, _series(racks, "gpu_power").sum(axis=0) > 0]
    power = power[len(power) // 10 :]
    count = power.shape[1]
    if count < 2:
        raise CannotTell("/racks holds fewer than two racks with GPUs; two are needed to compare")
    seconds = np.diff(racks["time"].values).astype("timedelta64[ns]").astype(float) * 1e-9
    deviation = power.std(axis=0).mean()
    total = power.sum(axis=1)
    correlation = memory = 0.0
    if deviation > 0:
        correlation = (total.var() / (count * deviation**2) - 1) / (count - 1)
        around = total - total.mean()
        if total.var() > 0:  # so there are two samples at least
            memory = float((around[1:] * around[:-1]).mean() / total.var())
    meter = _series(site, "meter_power")
    factor = meter.mean() / total.mean()
    ripple = 0.0
    if "meter_power_peak" in site and len(meter) > 1:
        filled = slice(len(meter) // 10, None)
        ripple = _series(site, "meter_power_peak")[filled].max() - meter[filled].max()
    return Racks(
        count=count,
        period=float(np.median(seconds)) if len(seconds) else np.inf,
        mean=power.mean(),
        deviation=deviation,
        highest=power.max(),
        correlation=float(np.clip(correlation, 0.0, 1.0)),
        memory=memory,
        factor=factor,
        limit=limit,
        design=_design(run, count),
        ripple=max(float(ripple), 0.0),
    )


def _series(dataset, name):
    if name not in dataset:
        raise CannotTell(f"the run holds no series {name}; give the .h5 file of a site's run")
    if dataset.sizes.get("time", 0) == 0:
        raise CannotTell("the run holds no samples yet; let it go on a little")
    return dataset[name].values.astype(float)


def _design(run, count):
    """W at the meter of a rack at design: what the stage nearest the meter is designed to deliver."""
    if "electrical" not in run.groups:
        return np.inf
    nodes = run.dataset("electrical")
    parents = [_text(p) for p in nodes["parent"].values]
    stages = [_text(s) for s in nodes["stage"].values]
    first = next(s for s, p in zip(stages, parents) if p == "")
    design = nodes["design_power"].values.astype(float)
    return sum(d for d, s in zip(design, stages) if s == first) / count


def breakers_of(run):
    """Rows of (node, racks, continuous W, highest sub-step W, stranded W, opened), largest first."""
    if "electrical" not in run.groups:
        return []
    nodes = run.dataset("electrical")
    columns = [
        nodes[name].values
        for name in ("node", "racks", "continuous_power", "peak_power", "stranded_power", "opened")
    ]
    return [(_text(name), *map(float, row)) for name, *row in zip(*columns)]


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


SUB_STEP = 0.1  # s, on which power is summed and limits are checked


def job_peaks(path, racks):
    """By smoothing: the highest moment and the highest sub-step of one rack of a job in step, W, from
    the table that `millwright plan SCENARIO --write-power` wrote of a training step on `racks` racks."""
    try:
        with open(path, newline="") as file:
            rows = list(csv.reader(file))
        table = np.array(rows[1:], dtype=float)
    except (OSError, ValueError) as error:
        raise CannotTell(f"{path}: {error}; give what `plan --write-power` wrote") from error
    if len(table) < 2 or rows[0][0] != "seconds":
        raise CannotTell(f"{path}: no table of power; give what `plan --write-power` wrote")
    power = table[:, 1:] / racks
    window = min(len(power), max(1, round(SUB_STEP / (table[1, 0] - table[0, 0]))))
    # A job repeats its step, so windows go around its end.
    again = np.concatenate([power, power[: window - 1]])
    sums = np.cumsum(np.vstack([np.zeros(again.shape[1]), again]), axis=0)
    means = (sums[window:] - sums[:-window]) / window
    highest = zip(power.max(axis=0), means.max(axis=0))
    return {name: (float(m), float(s)) for name, (m, s) in zip(rows[0][1:], highest)}


def job_report(run, path, racks):
    """Lines for people: racks of a job in step under the run's limit, by how their power is smoothed.
    All of them are at their highest at once, so they are provisioned by it."""
    told = racks_of(run)
    lines = ["", f"{'racks of a job in step':<24}{'by highest moment':>34}{'by highest 100 ms':>34}"]
    lines.append(f"{'smoothing':<24}" + 2 * f"{'kW a rack':>13}{'racks':>8}{'more':>13}")
    first = None
    for name, peaks in job_peaks(path, racks).items():
        first = first or peaks
        lines.append(f"{name:<24}" + "".join(
            f"{watts * 1e-3:>13.1f}{int(told.limit // (told.factor * watts)):>8}"
            f"{100 * (before / watts - 1):>+11.1f} %"
            for watts, before in zip(peaks, first)
        ))  # fmt: skip
    return lines


RISKS = {"1 in 10": 1.2816, "1 in 100": 2.3263, "1 in 10,000": 3.7190}


def report(run):
    """Lines for people."""
    r = racks_of(run)
    unit = 1e-3
    lines = [
        f"{r.count} racks with GPUs, samples of {r.period:g} s, limit {r.limit * unit:,.0f} kW at the meter",
        f"a rack    mean {r.mean * unit:.1f} kW, spread {r.deviation * unit:.2f} kW, highest "
        f"{r.highest * unit:.1f} kW; {r.factor:.3f} W at the meter for one of theirs",
        f"together  correlation {r.correlation:.2f}; the sum remembers {100 * r.memory:.0f} % after a sample",
        "",
        f"{'provisioned by':<34}{'racks':>7}{'kW at the meter':>17}{'excursions a year':>19}",
    ]
    design, highest = r.by_design(), r.by_highest()
    plans = [
        ("design power", design, design * r.design),
        ("highest sample of any rack", highest, highest * r.highest * r.factor + r.rise(highest)),
    ]
    for name, n, watts in plans:
        lines.append(f"{name:<34}{n:>7}{watts * unit:>17,.0f}{r.excursions_per_year(n):>19.3g}")
    for name, z in RISKS.items():
        n = r.fit(z)
        lines.append(
            f"{'exceeded in ' + name + ' samples':<34}{n:>7}{r.need(n, z) * unit:>17,.0f}"
            f"{r.excursions_per_year(n):>19.3g}"
        )
    rows = breakers_of(run)
    if rows:
        lines += ["", f"{'node':<26}{'racks':>6}{'carries kW':>12}{'highest kW':>12}{'stranded kW':>13}{'opened':>8}"]
        for name, racks, carries, highest, stranded, opened in rows:
            lines.append(
                f"{name:<26}{racks:>6.0f}{carries * unit:>12,.1f}{highest * unit:>12,.1f}"
                f"{stranded * unit:>13,.1f}{opened:>8.0f}"
            )
    return lines
