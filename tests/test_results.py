"""The stored results are complete, and their bars hold."""

import json
from pathlib import Path
from statistics import median

import make_results
import pytest

FILE = Path(__file__).parents[1] / "data" / "results.json"
RESULTS = json.loads(FILE.read_text(encoding="utf-8"))
TASKS = ("spring", "pendulum", "two bodies", "three bodies")
MODELS = ("hnn", "baseline")
BARS = [  # task, model, greatest median energy MSE
    ("spring", "hnn", 3.0e-4),
    ("pendulum", "hnn", 1.3e-3),
    ("pendulum", "separable", 2.5e-4),
    ("two bodies", "hnn", 1e-6),
    ("two bodies", "pairwise", 1e-7),
    ("three bodies", "hnn", 1e-5),
    ("three bodies", "pairwise", 2e-6),
]


def entries(task, model, protocol="ours"):
    want = (task, model, protocol)
    rows = RESULTS["entries"]
    return [e for e in rows if (e["task"], e["model"], e["protocol"]) == want]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_all_models_seeds_and_protocols(task):
    structured = "pairwise" if "bodies" in task else "separable"
    for model in ("baseline", "hnn", structured):
        seeds = [e["seed"] for e in entries(task, model)]
        assert seeds == list(range(8 if "bodies" in task else 16))
    for model in ("baseline", "hnn"):
        for protocol in ("paper", "published", "rerun"):
            assert entries(task, model, protocol)


def test_every_job_has_its_entry_and_nothing_else_is_there():
    cited = [e for e in RESULTS["entries"] if e["protocol"] in ("published", "rerun")]
    rows = [tuple(e.get(k) for k in make_results.KEYS) for e in RESULTS["entries"]]
    assert len(cited) == 16 and rows[16:] == list(make_results.jobs())


@pytest.mark.parametrize("task, model, bar", BARS)
def test_median_energy_error_of_our_recipe_meets_its_bar(task, model, bar):
    assert median(e["energy_mse"] for e in entries(task, model)) <= bar


@pytest.mark.parametrize("task", TASKS)
def test_hnn_keeps_energy_better_than_the_baseline(task):
    hnn, base = ([e.get("energy_mse") for e in entries(task, m)] for m in MODELS)
    assert None not in hnn  # a baseline may fail, an HNN not
    assert median(hnn) < median(x or float("inf") for x in base) / 10


def test_the_published_metric_charges_the_exact_pendulum_and_the_corrected_does_not():
    exact = entries("pendulum", "truth", "exact")
    assert exact and all(e["energy_mse"] < 1e-12 for e in exact)
    assert all(0.02 < e["energy_mse_published_metric"] < 0.03 for e in exact)
    spring = entries("spring", "truth", "exact")
    assert all(e["energy_mse_published_metric"] < 1e-12 for e in spring)


def test_leaving_encounters_out_makes_the_energy_of_three_bodies_far_better():
    (trained_with,) = entries("three bodies", "hnn", "encounters")
    without = max(e["energy_mse"] for e in entries("three bodies", "hnn"))
    assert trained_with["energy_mse"] > 100 * without


@pytest.mark.parametrize(
    "task, key, bar",
    [
        ("pixels", "pixel_mse_1", 5e-4),
        ("pixels", "pixel_mse_5", 4e-3),
        ("pixels", "energy_mse", 5e-4),
        ("pixels", "period_error", 0.003),
        ("pixels, small range", "energy_mse", 5e-5),
    ],
)
def test_hnn_of_latents_draws_films_as_well_as_promised(task, key, bar):
    rows = entries(task, "HNN", "film")
    assert len(rows) >= 2
    assert median(e[key] for e in rows) <= bar
    assert all(e["pixel_mse_1"] < 5e-3 for e in rows)  # no angle is folded
    assert all(e["energy_ratio_worst"] <= 0.005 for e in rows)


def test_every_opponent_of_the_latent_hnn_was_measured_on_the_same_seeds():
    for task in ("pixels", "pixels, small range"):
        seeds = [e["seed"] for e in entries(task, "HNN", "film")]
        for model in make_results.pixel_results.MODELS:
            assert [e["seed"] for e in entries(task, model, "film")] == seeds
    left = [e["energy_ratio"] for e in entries("pixels", "Euler MLP", "film")]
    assert max(left) < 0.1  # trained by Euler steps, moved by an accurate solver


def test_provenance_is_complete_and_the_file_small():
    known = RESULTS["provenance"]
    assert {"command", "commit", "versions", "machine"} <= set(known)
    assert "Greydanus" in RESULTS["cited"]
    cited = ("published", "rerun")
    assert all(e["commit"] for e in RESULTS["entries"] if e["protocol"] not in cited)
    assert FILE.stat().st_size < 60_000
