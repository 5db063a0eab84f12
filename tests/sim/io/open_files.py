"""Opens HDF5 files as others do, with plain xarray through both of its engines, and prints one JSON
object for each: usage open_files.py FILE..."""

import json
import sys

import numpy as np
import xarray


def look(path, engine):
    meta = xarray.open_dataset(path, engine=engine, group="meta")
    found = {"complete": int(meta.attrs["complete"]), "run": int(meta.attrs.get("run", -1))}
    try:
        site = xarray.open_dataset(path, engine=engine, group="site")
        events = xarray.open_dataset(path, engine=engine, group="events")
    except (OSError, KeyError):  # killed before the groups were made
        return found
    with site, events:
        site.load()
        events.load()
        time = site["time"].values
        found["rows"] = int(time.size)
        found["monotone"] = bool((np.diff(time) > np.timedelta64(0)).all())
        found["decoded"] = str(time.dtype)
        found["first"] = str(time[0]) if time.size else ""
        found["units"] = site["power"].attrs["units"]
        found["long_name"] = site["power"].attrs["long_name"]
        found["dims"] = list(site["rack_power"].dims)
        found["racks"] = [str(name) for name in site["rack"].values]
        # What the writer put in: power counts rows, each rack's power is 10 * row + rack.
        row = np.arange(time.size)
        found["values"] = bool(
            (site["power"].values == row).all()
            and (site["rack_power"].values == 10 * row[:, None] + np.arange(3)).all()
        )
        found["events"] = int(events.sizes["event"])
        found["event_texts"] = bool(
            all(text == f"Ereignis {i} \u00b0C" for i, text in enumerate(events["detail"].values))
        )
        found["unwritten_is_nan"] = bool(np.isnan(site["latency"].values).all())
    return found


for path in sys.argv[1:]:
    answers = {engine: look(path, engine) for engine in ("h5netcdf", "netcdf4")}
    if answers["h5netcdf"] != answers["netcdf4"]:
        sys.exit(f"{path}: the engines disagree: {answers}")
    print(json.dumps(answers["netcdf4"]))
