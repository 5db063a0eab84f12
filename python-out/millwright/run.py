"""A run file as xarray datasets."""

import functools
import os
import warnings

import h5py
import pandas as pd
import xarray as xr


class NotARun(Exception):
    """The file is missing, unreadable or not written by Millwright. Says what to do."""


class IncompleteRun(UserWarning):
    """The run that wrote the file has not ended, or was killed."""


def _text(value):
    return value.decode("utf-8") if isinstance(value, bytes) else value


class Run:
    """One run file; every part is read when first asked for.

    Series, with decoded UTC `time` and `units` in their attributes: `site`, `racks`, `services`.
    Tables: `events`, `requests` (None when not recorded), `ledger`, `summary`. `meta` is a dict:
    complete, version, seed, backend, trace_hash, started_utc, scenario_given, scenario_resolved.
    """

    def __init__(self, path):
        self.path = os.fspath(path)
        self._datasets = []
        if not os.path.exists(self.path):
            raise NotARun(f"{self.path}: no such file; make one with ./millwright run SCENARIO.yaml")
        try:
            with h5py.File(self.path, "r") as file:
                self._groups = set(file)
                self.title = _text(file.attrs.get("title", ""))
                meta = file.get("meta")
                if meta is None or "complete" not in meta.attrs:
                    raise NotARun(
                        f"{self.path}: an HDF5 file, but not a Millwright run (no /meta with a "
                        "`complete` attribute); give the .h5 file a run wrote"
                    )
                self.meta = {name: _text(value) for name, value in meta.attrs.items()}
                self.meta |= {
                    name: _text(item[()]) for name, item in meta.items() if item.shape == ()
                }
        except OSError as error:
            raise NotARun(
                f"{self.path}: not readable as HDF5 ({error}); give the .h5 file a run wrote"
            ) from error
        self.complete = bool(self.meta["complete"])
        if not self.complete:
            warnings.warn(
                f"{self.path}: the run has not ended or was killed; what it had written is shown",
                IncompleteRun,
                stacklevel=3,
            )

    def __repr__(self):
        state = "complete" if self.complete else "incomplete"
        return f"<millwright run {self.title or self.path}: {state}, {', '.join(self.groups)}>"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Let go of the file."""
        for dataset in self._datasets:
            dataset.close()
        self._datasets.clear()

    @property
    def groups(self):
        """Names of the groups there are, without the leading slash."""
        return sorted(self._groups)

    def dataset(self, group):
        """The group of that name as an xarray Dataset."""
        if group not in self._groups:
            raise NotARun(
                f"{self.path}: has no /{group}; this run wrote {', '.join(self.groups)}"
            )
        dataset = xr.open_dataset(self.path, group=group, engine="h5netcdf", decode_times=False)
        self._datasets.append(dataset)
        return _decode_time(dataset)

    @functools.cached_property
    def site(self):
        return self.dataset("site")

    @functools.cached_property
    def racks(self):
        return self.dataset("racks")

    @functools.cached_property
    def services(self):
        return self.dataset("services")

    @functools.cached_property
    def events(self):
        return self.dataset("events")

    @functools.cached_property
    def requests(self):
        return self.dataset("requests") if "requests" in self._groups else None

    @functools.cached_property
    def ledger(self):
        return self.dataset("ledger")

    @functools.cached_property
    def summary(self):
        return self.dataset("summary")


def _decode_time(dataset):
    """Turns every variable in `seconds since ...` to UTC datetime64.

    xarray's own decoder also takes every duration in `s` for a timedelta; latencies stay numbers.
    """
    for name, variable in dataset.variables.items():
        unit, _, start = str(variable.attrs.get("units", "")).partition(" since ")
        if not start or unit != "seconds":
            continue
        origin = pd.Timestamp(start)
        if origin.tzinfo is not None:
            origin = origin.tz_convert("UTC").tz_localize(None)
        moments = origin + pd.to_timedelta((variable.values * 1e9).round(), unit="ns")
        attrs = {key: value for key, value in variable.attrs.items() if key != "units"}
        attrs["time_zone"] = "UTC"
        dataset = dataset.assign({name: (variable.dims, moments.values, attrs)})
        if name in dataset.dims:
            dataset = dataset.set_coords(name)
    return dataset


def open(path):  # pylint: disable=redefined-builtin
    """The run in the file at `path`. Raises NotARun; warns IncompleteRun."""
    return Run(path)


def _table(run, group, row_of, columns, index):
    """A pandas table with a row for each dataset below `group`, by its path from there."""
    rows = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            attrs = [_text(item.attrs.get(key, "")) for key in ("units", "long_name")]
            rows[name] = (row_of(item), *attrs)

    with h5py.File(run.path, "r") as file:
        if group in file:
            file[group].visititems(note)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.rename_axis(index)


def summary_table(run):
    """The figures of /summary: value, unit and meaning, by name; of a service as `chat/ttft_p99`.

    The site's own figures come first.
    """
    table = _table(
        run, "summary", lambda item: _text(item[()]), ["value", "unit", "meaning"], "figure"
    )
    return table.loc[sorted(table.index, key=lambda name: "/" in name)]


def contents_table(run):
    """Every dataset of the file: shape, unit and meaning, by path."""

    def shape(item):
        return " x ".join(map(str, item.shape)) or "scalar"

    return _table(run, "/", shape, ["shape", "unit", "meaning"], "dataset")
