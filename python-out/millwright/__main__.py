"""python3 -m millwright plot|summary|oversubscription|list: see --help."""

import argparse
import difflib
import os
import sys
import warnings

import matplotlib

from millwright import oversubscription, plots
from millwright.comparison import COMPARISONS
from millwright.run import IncompleteRun, NotARun, Run, contents_table, summary_table


NAMES = [*plots.PLOTS, *COMPARISONS]


class BadInput(Exception):
    """What the user gave cannot be used; the message says what to do."""


def plot(arguments):
    if arguments.name not in NAMES:
        near = difflib.get_close_matches(arguments.name, NAMES, n=1, cutoff=0.4)
        known = ", ".join(NAMES)
        hint = f"did you mean {near[0]}? " if near else ""
        raise BadInput(f"no plot is called {arguments.name}; {hint}there are {known}")
    output = arguments.output or f"{os.path.splitext(arguments.run)[0]}_{arguments.name}.png"
    if arguments.name in COMPARISONS:
        figure = COMPARISONS[arguments.name](arguments.run)
    else:
        with Run(arguments.run) as run:
            figure = plots.PLOTS[arguments.name](run)
    supported = figure.canvas.get_supported_filetypes()
    ending = os.path.splitext(output)[1].lstrip(".").lower()
    if ending not in supported:
        raise BadInput(f"{output}: cannot draw .{ending} files; end it in .png, .svg or .pdf")
    try:
        figure.savefig(output)
    except OSError as error:
        raise BadInput(f"{output}: cannot be written ({error.strerror})") from error
    print(output)


def summary(arguments):
    with Run(arguments.run) as run:
        table = summary_table(run)
        state = "" if run.complete else " (incomplete)"
        print(f"{run.title or arguments.run}{state}")
    rows = [(name, _number(row.value), row.unit, row.meaning) for name, row in table.iterrows()]
    _print_columns(rows, right={1})


def oversubscribe(arguments):
    with Run(arguments.run) as run:
        lines = oversubscription.report(run)
        if arguments.job:
            lines += oversubscription.job_report(run, arguments.job, arguments.job_racks)
    print("\n".join(lines))


def contents(arguments):
    if arguments.run is None:
        drawings = {**plots.PLOTS, **COMPARISONS}
        _print_columns([(name, draw.__doc__) for name, draw in drawings.items()])
        return
    with Run(arguments.run) as run:
        table = contents_table(run)
    _print_columns([(name, row["shape"], row.unit, row.meaning) for name, row in table.iterrows()])


def _count(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("write 1 or more")
    return value


def _number(value):
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def _print_columns(rows, right=()):
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    for row in rows:
        cells = [
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths))
        ]
        print("  ".join(cells).rstrip())


def main(words=None):
    parser = argparse.ArgumentParser(
        prog="millwright", description="Read and draw what `millwright run` wrote."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("plot", help="draw a run, a comparison, or a search")
    command.add_argument("name", metavar="NAME", help=", ".join(NAMES))
    command.add_argument("run", metavar="RUN.h5", help="waterfall, pareto: what compare, optimize wrote with --json")
    command.add_argument("-o", "--output", metavar="FILE", help=".png, .svg or .pdf")
    command.set_defaults(do=plot)
    command = commands.add_parser("summary", help="print a run's headline figures")
    command.add_argument("run", metavar="RUN.h5")
    command.set_defaults(do=summary)
    command = commands.add_parser(
        "oversubscription", help="how many racks like a run's its limit takes, at what risk"
    )
    command.add_argument("run", metavar="RUN.h5")
    command.add_argument(
        "--job", metavar="POWER.csv", help="also for racks of a training job: what plan --write-power wrote"
    )
    command.add_argument(
        "--job-racks", metavar="N", type=_count, default=1, help="racks that this table is of"
    )
    command.set_defaults(do=oversubscribe)
    command = commands.add_parser("list", help="print the plots there are, or what a run file holds")
    command.add_argument("run", metavar="RUN.h5", nargs="?")
    command.set_defaults(do=contents)
    arguments = parser.parse_args(words)

    matplotlib.use("Agg")
    warnings.showwarning = lambda message, category, *_, **__: print(
        f"millwright: warning: {message}", file=sys.stderr
    )
    warnings.simplefilter("always", IncompleteRun)
    try:
        arguments.do(arguments)
    except (NotARun, BadInput, plots.CannotPlot, oversubscription.CannotTell) as error:
        print(f"millwright: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `... | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
