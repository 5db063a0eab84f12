"""The studies: their published figures are what the program gives, and shapes that nobody tuned."""
import os
import re

import pytest
import studies
from test_docs import PROGRAM

# Of each figure. The headers hold whole runs; one shortened here leans a little on its start.
TOLERANCE = 0.15
SHORTER = {"batch-frontier": ["duration=2 min"], "moe-vs-dense": ["duration=30 min"]}


@pytest.fixture(scope="module")
def runs():
    if not os.access(PROGRAM, os.X_OK):
        pytest.skip(f"{PROGRAM} is not built")
    done = {}

    def once(study):
        if study not in done:
            done[study] = studies.run(PROGRAM, study, *SHORTER.get(study, []))
        return done[study]

    return once


@pytest.mark.parametrize("study", studies.STUDIES)
def test_headers_and_the_page_hold_what_the_program_gives(runs, study):
    published = studies.parse(studies.header_table(study))
    assert studies.page_table(study) == studies.header_table(study)
    now = {name: list(row.values()) for name, row in studies.values(study, runs(study)).items()}
    stale = {
        name: (published.get(name), row)
        for name, row in now.items()
        if published.get(name) is None
        or any(abs(a / b - 1) > TOLERANCE for a, b in zip(row, published[name]))
    }
    assert list(published) == list(now) and not stale, (
        f"{study}: published and now differ: {stale}\nmake the tables anew:\n"
        "    /usr/bin/python3 tests/docs/studies.py build/release/bin/millwright"
    )


def test_joules_of_a_token_have_a_knee_against_batch(runs):
    joules = [s["j_per_token"] for s in runs("batch-frontier").values()]
    gain = [1 - after / before for before, after in zip(joules, joules[1:])]
    assert all(g > 0 for g in gain)
    assert min(gain[:3]) > 0.25, "each early doubling saves a quarter of a token's joules or more"
    assert gain[-1] < 0.2 and gain[-1] < min(gain[:-1]), "the last saves least"


def test_power_falls_past_batch_256_because_the_host_limits(runs):
    watts = {name: s["gpu_power_w"] for name, s in runs("batch-frontier").items()}
    assert watts["batch_256"] > watts["batch_512"] > watts["batch_1024"]
    # A host that needs no time: the same work, faster, at more power.
    free = "{extends: vllm_0_11, host_base: 0 s, host_per_sequence: 0 s}"
    sets = [f"inference[batch_{b}].engine.stack={free}" for b in (256, 512, 1024)]
    unlimited = studies.run(PROGRAM, "batch-frontier", "duration=2 min", *sets)
    host = {b: watts[f"batch_{b}"] / unlimited[f"batch_{b}"]["gpu_power_w"] for b in (256, 512, 1024)}
    assert 1 > host[256] > host[512] > host[1024], "the host takes more away the larger the batch"


def test_memory_alone_moves_the_frontier(runs):
    """A dense model at a batch that only the larger memory holds: otherwise the same GPU."""
    model = ["inference[batch_1024].model=qwen3_14b", "duration=2 min"]
    large = studies.run(PROGRAM, "batch-frontier", *model)["batch_1024"]
    small = studies.run(
        PROGRAM, "batch-frontier", *model, "racks[r1024].type.gpu.memory=80 GB"
    )["batch_1024"]
    assert small["running"] < 0.8 * large["running"]
    assert small["j_per_token"] > 1.03 * large["j_per_token"]
    assert small["tokens_out_per_s"] < large["tokens_out_per_s"]


def test_what_a_solved_task_costs(runs):
    for study in ("moe-vs-dense", "precision"):
        for s in runs(study).values():
            assert s["j_per_solved_task"] == pytest.approx(
                s["j_per_token"] * s["tokens_per_task"] / s["task_score"]
            )
    s = runs("moe-vs-dense")
    # Experts: more right answers than the dense model of the same size, for fewer joules a token.
    assert s["moe_30b"]["j_per_token"] < s["dense_32b"]["j_per_token"]
    assert s["moe_30b"]["j_per_solved_task"] < s["dense_32b"]["j_per_solved_task"]
    # Short answers win by the task.
    assert min(s, key=lambda name: s[name]["j_per_solved_task"]) == "moe_20b"


def test_narrower_formats_cost_less_of_everything_but_answers(runs):
    bf16, fp8, nvfp4 = runs("precision").values()
    assert bf16["j_per_token"] > fp8["j_per_token"] > nvfp4["j_per_token"]
    assert bf16["j_per_solved_task"] > fp8["j_per_solved_task"] > nvfp4["j_per_solved_task"]
    assert bf16["tpot_p50"] > fp8["tpot_p50"] > nvfp4["tpot_p50"]
    assert nvfp4["task_score"] < fp8["task_score"]


def test_every_generation_makes_more_of_a_megawatt_and_factors_multiply_to_the_whole(runs):
    tokens = [s["tokens_per_s_per_mw"] for s in runs("generations").values()]
    assert tokens == sorted(tokens)
    assert all(s["tpot_p50"] < 0.115 for s in runs("generations").values()), "the promised pace"

    steps = studies.values("generations-steps", runs("generations-steps"))
    product = 1.0
    for row in steps.values():
        product *= row["times the one before"]
    ends = [row["tokens/s/MW"] for row in steps.values()]
    assert product == pytest.approx(ends[-1] / ends[0])
    # The ends are those of the generations, on a site with other neighbours.
    assert ends[0] == pytest.approx(tokens[0], rel=0.05)
    assert ends[-1] == pytest.approx(tokens[-1], rel=0.05)


PADDING = """
millwright: 1
name: padding
duration: 2 min
site:
  climate: {weather: stockholm, start: 2026-07-15T12:00+02:00}
  electrical: ac_2n
  cooling: {plant: dry_cooler}
racks:
"""
PADDED = """  - service: NAME
    model: MODEL
    precision: PRECISION
    engine: {gpus: 8, tp: 8, replicas: fill, racks: [NAME], stack: STACK, max_num_seqs: 64}
    traffic:
      closed_loop: {users: 256}
      lengths: {prompt: {fixed: 219}, output: {lognormal: {mean: 500, cv: 1}}}
"""


def test_fp8_experts_are_slow_and_hot_because_they_are_padded(runs, tmp_path):
    """Block-scaled kernels pad every expert that is hit to 128 rows: at 64 requests, half the bytes
    of BF16 are hardly faster. Without the padding they would be, at less power."""
    kinds = {
        "bf16": ("qwen3_235b_a22b", "bf16", "vllm_0_11"),
        "fp8": ("qwen3_235b_a22b_fp8", "fp8", "vllm_0_11"),
        "unpadded": (
            "qwen3_235b_a22b_fp8", "fp8", "{extends: vllm_0_11, expert_tile_block_fp8: 16}",
        ),
    }  # fmt: skip
    text = PADDING + "".join(f"  - {{name: {n}, type: hgx_h100_air}}\n" for n in kinds)
    text += "inference:\n"
    for name, (model, precision, stack) in kinds.items():
        words = {"NAME": name, "MODEL": model, "PRECISION": precision, "STACK": stack}
        text += re.sub("|".join(words), lambda m, w=words: w[m[0]], PADDED)
    file = tmp_path / "padding.yaml"
    file.write_text(text)
    s = studies.run(PROGRAM, file.with_suffix(""))
    assert s["fp8"]["tpot_p50"] > 0.9 * s["bf16"]["tpot_p50"]
    assert s["fp8"]["tpot_p50"] > 1.02 * s["unpadded"]["tpot_p50"]
    assert s["fp8"]["gpu_power_w"] > s["unpadded"]["gpu_power_w"]
    joules = {name: one["gpu_power_w"] / one["tokens_out_per_s"] for name, one in s.items()}
    assert joules["fp8"] > 1.05 * joules["unpadded"]
