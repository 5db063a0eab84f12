import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import add_ceilings, add_frontier, add_racks, write_run

import millwright
from millwright import plots
from millwright.__main__ import main


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_the_stack_ends_at_the_meter_and_the_limit_is_drawn(run_file):
    run = millwright.open(run_file)
    axis = plots.site_power(run).axes[0]
    top = axis.collections[len(plots.STACK) - 1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(run.site.meter_power.values.max() / 1e6)
    assert axis.lines[0].get_ydata() == pytest.approx(2.0)
    assert axis.get_ylabel() == "power (MW)"
    assert axis.get_legend().get_texts()[0].get_text() == "limit"


def test_without_a_limit_none_is_drawn(tmp_path):
    run = millwright.open(write_run(tmp_path / "run.h5", limit=np.nan))
    assert len(plots.site_power(run).axes[0].lines) == 0


def test_components_above_the_meter_are_told(tmp_path):
    path = write_run(tmp_path / "run.h5")
    with plots_file(path) as file:
        file["site/gpu_power"][...] *= 3
    with pytest.warns(UserWarning, match="more than the meter"):
        plots.site_power(millwright.open(path))


def plots_file(path):
    import h5py

    return h5py.File(path, "r+")


def test_the_mean_is_tokens_over_energy(run_file):
    """Half the run at 0.25 token/J and half at 0.125: the mean weighs them by their energy."""
    run = millwright.open(run_file)
    meter = run.site.meter_power.values
    first = meter[: len(meter) // 2].sum() / meter.sum()
    expected = 1e6 * (0.25 * first + 0.125 * (1 - first))
    lines = plots.tokens_per_mw(run).axes[0].lines
    assert lines[0].get_ydata()[0] == pytest.approx(250.0)  # thousand tokens/s/MW
    assert lines[1].get_ydata()[0] == pytest.approx(250.0)
    assert lines[1].get_ydata()[-1] == pytest.approx(125.0)
    assert lines[2].get_ydata()[0] == pytest.approx(expected / 1e3)
    assert f"{expected:,.0f}" in lines[2].get_label()


def test_latency_shows_both_metrics_of_every_service(run_file):
    first, second = plots.latency(millwright.open(run_file)).axes
    for axis, base in ((first, 350.0), (second, 21.0)):
        assert [line.get_label() for line in axis.lines] == ["chat", "reasoning"]
        assert axis.lines[0].get_ydata()[0] == pytest.approx(base * (1 + 3 * 0.5**8))
        assert [text.get_text() for text in axis.get_xticklabels()] == ["P50", "P90", "P95", "P99"]


def test_the_frontier_is_drawn_by_running_requests_of_a_replica(run_file):
    """Two replicas each: `reasoning` runs 64 requests, `chat` 256, at four times the rest."""
    first, second = plots.batch_frontier(millwright.open(add_frontier(run_file))).axes
    assert list(first.lines[0].get_xdata()) == [32, 128]
    assert first.lines[0].get_ydata() == pytest.approx([0.3, 1.2])
    assert second.lines[0].get_ydata() == pytest.approx([190, 760])
    assert [text.get_text() for text in first.texts] == ["20 ms", "80 ms"]


def test_thermal_shows_every_temperature_events_and_the_slowest_rack(run_file):
    top, bottom = plots.thermal(millwright.open(add_ceilings(run_file, [1.0, 0.5]))).axes
    degc = {line.get_label(): line.get_ydata()[0] for line in top.lines if len(line.get_ydata()) > 2}
    assert degc == {
        "junctions, hottest rack": 78, "coolant from the racks": 54, "coolant to the racks": 45,
        "facility water": 42, "outdoor air": 40,
    }  # fmt: skip
    assert [text.get_text() for text in top.texts] == ["breach", "load target"]
    assert [line.get_ydata()[0] for line in bottom.lines[:2]] == pytest.approx([0.75, 0.5])


@pytest.mark.parametrize("name", plots.PLOTS)
def test_the_command_draws(run_file, tmp_path, capsys, name):
    target = tmp_path / f"{name}.png"
    add_racks(add_frontier(run_file), np.full((360, 4), 1e5))
    assert main(["plot", name, str(run_file), "-o", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    assert plt.imread(target).shape[:2] == (700, 1200)


@pytest.mark.parametrize("name", plots.PLOTS)
def test_a_run_of_one_sample_and_of_none(tmp_path, capsys, name):
    one = add_frontier(write_run(tmp_path / "one.h5", samples=1))
    add_racks(one, np.full((1, 4), 1e5))
    assert main(["plot", name, str(one), "-o", str(tmp_path / "one.png")]) == 0
    none = add_frontier(write_run(tmp_path / "none.h5", samples=0, complete=False))
    add_racks(none, np.zeros((0, 4)))
    code = main(["plot", name, str(none), "-o", str(tmp_path / "none.png")])
    message = capsys.readouterr().err
    assert "has not ended or was killed" in message
    whole = name in ("latency", "batch_frontier")  # figures of the run, not series
    assert code == (0 if whole else 2)
    assert whole or "holds no samples yet" in message


@pytest.mark.parametrize(
    "words, message",
    [
        (["plot", "site_pwer", "run.h5"], "did you mean site_power? there are site_power, tokens"),
        (["plot", "latency", "none.h5"], "none.h5: no such file; make one with"),
        (["plot", "latency", "run.h5", "-o", "x.doc"], "x.doc: cannot draw .doc files; end it in"),
        (["plot", "latency", "run.h5", "-o", "no/x.png"], "no/x.png: cannot be written (No such"),
        (["summary", "none.h5"], "none.h5: no such file"),
    ],
)
def test_bad_input_is_said_and_exits_2(run_file, monkeypatch, capsys, words, message):
    monkeypatch.chdir(run_file.parent)
    assert main(words) == 2
    assert f"millwright: {message}" in capsys.readouterr().err.replace("no plot is called site_pwer; ", "")


def test_summary_and_lists(run_file, capsys):
    assert main(["summary", str(run_file)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("quickstart\n")
    assert "tokens_per_s_per_mw  187,500  1/s/MW" in out
    assert main(["list"]) == 0
    assert "site_power" in capsys.readouterr().out
    assert main(["list", str(run_file)]) == 0
    assert "site/meter_power" in capsys.readouterr().out


@pytest.mark.parametrize("together", [False, True])
def test_oversubscription_tells_racks_in_step_from_independent_ones(run_file, together):
    draws = np.random.default_rng(1).normal(size=(360, 24))
    power = 1e5 + 1e4 * (np.repeat(draws[:, :1], 24, axis=1) if together else draws)
    add_racks(run_file, power)
    axis = plots.oversubscription(millwright.open(run_file)).axes[0]
    correlation = float(axis.get_title(loc="left").split()[-1])
    assert correlation == (1.0 if together else pytest.approx(0.0, abs=0.1))
