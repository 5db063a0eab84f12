"""Read, tabulate and draw what Millwright writes.

    import millwright
    run = millwright.open("run.h5")
    run.site.meter_power            # xarray, UTC time, units in .attrs
    millwright.summary_table(run)   # pandas
    millwright.plots.site_power(run).savefig("power.png")

From the shell: python3 -m millwright --help
"""

from millwright import plots
from millwright.run import IncompleteRun, NotARun, Run, open, summary_table

__all__ = ["IncompleteRun", "NotARun", "Run", "open", "plots", "summary_table"]
