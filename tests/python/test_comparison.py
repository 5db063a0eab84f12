import json

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

from millwright import comparison
from millwright.__main__ import main


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def content(**parts):
    fall = {
        "unit": "MW", "meaning": "Mean power at the meter", "from": 2.0, "to": 1.5,
        "parts": {name: {"from": a, "to": b} for name, (a, b) in parts.items()},
    }  # fmt: skip
    return {
        "cases": {"A": "a.yaml", "B": "b.yaml"},
        "pairs": [{"from": "A", "to": "B", "waterfalls": {"power": fall}}],
    }


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "c.json"
    path.write_text(
        json.dumps(content(decode=(1.4, 0.8), idle=(0.1, 0.1005), cooling=(0.5, 0.5995)))
    )
    return str(path)


def test_the_steps_lead_from_one_total_to_the_other(file):
    (pairs,) = comparison.read(file, "compare", "pairs")
    steps = comparison.steps(pairs[0]["waterfalls"]["power"])
    assert [name for name, _ in steps] == ["decode", "cooling", "the rest"]
    assert 2.0 + sum(change for _, change in steps) == pytest.approx(1.5)
    bars = comparison.waterfall(file).axes[0].patches
    assert bars[0].get_width() == 2.0
    assert bars[-1].get_width() == 1.5
    for left, right in zip(bars[1:-2], bars[2:-1]):  # each begins where the one before ended
        assert right.get_x() == pytest.approx(left.get_x() + left.get_width())


def test_it_draws_from_the_command_line(file, tmp_path, capsys):
    assert main(["plot", "waterfall", file, "-o", str(tmp_path / "w.png")]) == 0
    assert (tmp_path / "w.png").stat().st_size > 5000


@pytest.mark.parametrize(
    "text, said",
    [("{", "not what"), ("{}", "not what"), ("[]", "not what"),
     ('{"pairs": [{"from": "A"}], "cases": {}}', "no case drew power")],
)  # fmt: skip
def test_other_files_are_refused(text, said, tmp_path, capsys):
    path = tmp_path / "x.json"
    path.write_text(text)
    assert main(["plot", "waterfall", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_a_front_is_drawn_by_name_and_sense(tmp_path):
    points = [
        {"levels": {"plant": plant, "supply": "30 degC"}, "objectives": values,
         "feasible": feasible, "best": best}
        for plant, values, feasible, best in [
            ("dry", [1.1, 70], True, True), ("wet", [1.2, 60], True, True),
            ("wet", [1.3, 65], True, False), ("dry", [1.0, 60], False, False),
            ("dry", [None, None], False, False),
        ]
    ]  # fmt: skip
    objectives = [{"value": v, "sense": "minimise"} for v in ("pue", "mean_junction_degc")]
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"study": "s", "objectives": objectives, "points": points}))
    axis = comparison.pareto(str(path)).axes[0]
    assert [t.get_text() for t in axis.get_legend().get_texts()] == [
        "breaks a constraint", "beaten by another", "best: dry", "best: wet",
    ]  # fmt: skip
    drawn = [tuple(map(tuple, c.get_offsets().tolist())) for c in axis.collections]
    assert drawn == [((1.0, 60),), ((1.3, 65),), ((1.1, 70),), ((1.2, 60),)]
    assert axis.get_xlabel() == "pue"


def test_a_front_needs_two_objectives(tmp_path, capsys):
    path = tmp_path / "s.json"
    path.write_text('{"study": "s", "objectives": [{"value": "a", "sense": "minimise"}], "points": []}')
    assert main(["plot", "pareto", str(path)]) == 2
    assert "one objective" in capsys.readouterr().err
