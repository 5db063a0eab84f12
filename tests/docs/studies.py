"""The figures of the studies: tables in the headers of their scenarios and in docs/studies.md.

    /usr/bin/python3 tests/docs/studies.py build/release/bin/millwright

runs each study whole and writes its table anew in both places.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "scenarios"
PAGE = ROOT / "docs" / "studies.md"


def figure(name, scale=1.0):
    return lambda services, i: services[i][name] * scale


def times_the(which):
    """Tokens/s/MW over that of the first service, or of the one before."""
    name = "tokens_per_s_per_mw"

    def ratio(services, i):
        base = 0 if which == "first" else max(i - 1, 0)
        return services[i][name] / services[base][name]

    return ratio


TOKENS_PER_MW = ("tokens/s/MW", figure("tokens_per_s_per_mw"))
JOULES = ("J/token", figure("j_per_token"))
TPOT = ("TPOT p50 ms", figure("tpot_p50", 1e3))
GPU_WATTS = ("W/GPU", figure("gpu_power_w"))
SOLVED = [
    ("score %", figure("task_score", 100)),
    ("tokens/task", figure("tokens_per_task")),
    ("J/solved", figure("j_per_solved_task")),
    ("USD/solved", figure("usd_per_solved_task")),
]
STUDIES = {
    "batch-frontier": [TPOT, JOULES, TOKENS_PER_MW, GPU_WATTS],
    "moe-vs-dense": [TPOT, JOULES, *SOLVED],
    "precision": [TPOT, TOKENS_PER_MW, JOULES, *SOLVED],
    "generations": [TPOT, TOKENS_PER_MW, ("times the first", times_the("first"))],
    "generations-steps": [TPOT, TOKENS_PER_MW, ("times the one before", times_the("before"))],
}


def run(program, study, *sets):
    """Figures of its services: {service: {name: value}}, in order."""
    words = [program, "run", SCENARIOS / f"{study}.yaml", "--json", "--no-output", "--quiet"]
    for one in sets:
        words += ["--set", one]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    return {
        service: {name: item["value"] for name, item in figures.items()}
        for service, figures in report["services"].items()
    }


def values(study, services):
    """{service: {column: value}} as the table shows them."""
    ordered = list(services.values())
    return {
        name: {title: get(ordered, i) for title, get in STUDIES[study]}
        for i, name in enumerate(services)
    }


def text(value):
    return f"{value:,.0f}" if value >= 999.5 else f"{value:.3g}"


def table(study, services):
    titles = ["service"] + [title for title, _ in STUDIES[study]]
    rows = [titles] + [
        [name] + [text(v) for v in row.values()] for name, row in values(study, services).items()
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(titles))]
    return "\n".join(
        "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w)
                  for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
        for row in rows
    )  # fmt: skip


def parse(lines):
    """A printed table back to {service: [numbers]}; its first line are titles."""
    rows = {}
    for line in lines[1:]:
        name, *cells = line.split()
        rows[name] = [float(cell.replace(",", "")) for cell in cells]
    return rows


HEADER = re.compile(r"# Figures:\n(?P<table>(?:#   .*\n)+)# End of figures\.\n")


def header_table(study):
    found = HEADER.search((SCENARIOS / f"{study}.yaml").read_text())
    return [line[4:] for line in found["table"].splitlines()]


def page_block(study):
    return re.compile(
        rf"(<!-- figures of {re.escape(study)} -->\n```\n)(?P<table>.*?)(\n```)", re.DOTALL
    )


def page_table(study):
    return page_block(study).search(PAGE.read_text())["table"].splitlines()


def write(study, lines):
    path = SCENARIOS / f"{study}.yaml"
    header = "".join(f"#   {line}\n" for line in lines.splitlines())
    new = HEADER.sub(lambda _: f"# Figures:\n{header}# End of figures.\n", path.read_text(), 1)
    path.write_text(new)
    PAGE.write_text(
        page_block(study).sub(lambda m: m[1] + lines + m[3], PAGE.read_text(), 1)
    )


if __name__ == "__main__":
    for each in STUDIES:
        made = table(each, run(Path(sys.argv[1]).resolve(), each))
        write(each, made)
        print(f"{each}\n{made}\n")
