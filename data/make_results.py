"""Write results.json, the measurements of notebooks 10, 14 and 15, beside this file.

Every model is trained on the data of its own seed and scored by the energy MSE. The
entries of a task and seed are saved together as soon as they are there, and a new run
computes only those that are missing; delete the file to measure all anew. At the end it
trains the networks of notebook 10 for pixels.npz, if that is missing or damaged.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, as_completed
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from itertools import groupby
from math import inf
from pathlib import Path

import clip_results
import numpy as np
import pixel_results
import scipy
import torch
from executors import dask_executor, local_executor
from notebook_cells import defined
from saving import only_writer, write_whole
from torch import Tensor, nn
from tqdm import tqdm

import hnnlib
from hnnlib.bodies import NBody, three_body_starts
from hnnlib.data import Trajectories, simulate, split_by_trajectory
from hnnlib.integrators import rollout
from hnnlib.metrics import energy_mse
from hnnlib.models import HNN, MLP, DerivativePredictor, SeparableHNN
from hnnlib.systems import MassSpring, Pendulum, sample_by_radius
from hnnlib.training import fit, mse

FILE = Path(__file__).with_name("results.json")
WRITTEN = defined("09", "recipe")
PairwiseHNN, two_body_starts = WRITTEN["PairwiseHNN"], WRITTEN["two_body_starts"]
KEYS = ("task", "protocol", "model", "seed")
Job = tuple[str, str, str, int]
CLOSE = 5.0  # |dz/dt| of an encounter of three bodies

# Greydanus et al. (2019): CPU seconds, train and test loss of one run (seed 0) of their
# code as it is, the energy MSE that they published, that of the run by their metric,
# and that on a fixed horizon of 20 with the system's own energy. Bodies they scored
# like that from the start; spring and pendulum have one fault each (``published``).
CITED = {
    ("spring", "baseline"): (9.7, 3.71e-2, 3.66e-2, 1.71e-1, 1.70e-1, 5.8e-2),
    ("spring", "hnn"): (20.4, 3.69e-2, 3.60e-2, 3.84e-4, 4.26e-4, 4.2e-4),
    ("pendulum", "baseline"): (16.4, 3.26e-2, 3.53e-2, 4.15e-2, 4.17e-2, 2.5e-2),
    ("pendulum", "hnn"): (28.4, 3.28e-2, 3.56e-2, 2.49e-2, 2.49e-2, 5.1e-4),
    ("two bodies", "baseline"): (28.9, 3.3e-5, 3.0e-5, 6.33e-2, 6.29e-2, 6.29e-2),
    ("two bodies", "hnn"): (36.8, 6.7e-6, 6.6e-6, 3.88e-5, 2.64e-5, 2.64e-5),
    ("three bodies", "baseline"): (62.5, 9.6e-2, 3.8e-1, 1.09e2, 1.09e2, 1.09e2),
    ("three bodies", "hnn"): (97.7, 8.2e-2, 4.7e-1, 4.2e-2, 7.4e-3, 7.4e-3),
}
TRIALS = {  # of the fifteen of three bodies; ``again`` is a second run's, and median
    "baseline": {
        **{"energy_mse_median_trial": 1.68, "worst_share": 0.826},
        **{"worst_distance": 1.61, "worst_kinetic_energy": 142.0},
    },
    "hnn": {"energy_mse_again": 3.94e-3, "energy_mse_median_trial": 3.14e-3},
}
SOURCE = (
    "published: Greydanus, Dzamba & Yosinski 2019, arXiv 1906.01563, table 1, three "
    "bodies: appendix B; rerun: one run of their code, commit bcc3622, unchanged, "
    "2-core CPU, one thread"
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """Hold a row of the table: a system, its data, its test and the recipes."""

    system: MassSpring | Pendulum | NBody
    starts: Callable[..., Tensor]  # (n, generator=...) -> (n, 2n), of the training data
    trajectories: int
    t: Tensor
    sigma: float
    train_fraction: float
    close: float = inf  # |dz/dt| above which our recipe leaves a sample out
    horizon: float
    points: int
    seeds: int
    activation: type[nn.Module]
    recipes: dict[str, dict]  # width and the arguments of fit, for each model
    paper: dict  # batch, steps and weight decay of the paper's code
    paper_seeds: int


def times(end: float, n: int) -> Tensor:
    """Return n times from 0 to end, (n,)."""
    return torch.linspace(0, end, n, dtype=torch.float64)


SMALL = {"width": 32, "learning_rate": 1e-2, "weight_decay": 1e-4}
WIDE = {"width": 100, "weight_decay": 0.0, "batch": 200}
PAIR = {"width": 32, "learning_rate": 1e-2, "weight_decay": 0.0, "batch": 200}
SPRING = SMALL | {"steps": 300}
PENDULUM = SMALL | {"steps": 600, "weight_decay": 1e-3}  # chosen on seeds 0 to 7
TWO = WIDE | {"learning_rate": 3e-3, "steps": 5000}
THREE = WIDE | {"learning_rate": 5e-3, "steps": 6000}
PAPER = {"batch": None, "steps": 2000, "weight_decay": 1e-4}

# What spring and pendulum share, then what the bodies share.
OSCILLATOR = {"trajectories": 50, "sigma": 0.1, "train_fraction": 0.5, "seeds": 16}
OSCILLATOR |= {"horizon": 20.0, "points": 100, "paper": PAPER, "paper_seeds": 4}
BODIES = {"sigma": 0.0, "train_fraction": 0.8, "points": 500, "seeds": 8}
BODIES |= {"activation": nn.Tanh, "paper_seeds": 1}

TASKS = {
    "spring": Task(
        system=MassSpring(m=0.5, k=2.0),
        starts=partial(sample_by_radius, radius_low=0.1, radius_high=1.0),
        t=times(3, 30),
        activation=nn.SiLU,
        recipes=dict.fromkeys(("baseline", "hnn", "separable"), SPRING),
        **OSCILLATOR,
    ),
    "pendulum": Task(
        system=Pendulum(m=0.5, l=1.0, g=6.0),
        starts=partial(sample_by_radius, radius_low=1.3, radius_high=2.3),
        t=times(3, 45),
        activation=nn.Tanh,
        recipes=dict.fromkeys(("baseline", "hnn", "separable"), PENDULUM),
        **OSCILLATOR,
    ),
    "two bodies": Task(
        system=NBody((1.0, 1.0)),
        starts=two_body_starts,
        trajectories=1000,
        t=times(20, 50),
        horizon=25.0,
        recipes={"baseline": TWO, "hnn": TWO, "pairwise": PAIR | {"steps": 1800}},
        paper={"batch": 200, "steps": 10_000, "weight_decay": 0.0},
        **BODIES,
    ),
    "three bodies": Task(
        system=NBody((1.0, 1.0, 1.0)),
        starts=three_body_starts,
        trajectories=5000,
        t=times(5, 20),
        close=CLOSE,
        horizon=3.0,
        recipes={"baseline": THREE, "hnn": THREE, "pairwise": PAIR | {"steps": 2000}},
        paper={"batch": 600, "steps": 10_000, "weight_decay": 1e-4},
        **BODIES,
    ),
}


def generator(seed: int) -> torch.Generator:
    """Return a generator of random numbers."""
    return torch.Generator().manual_seed(seed)


@lru_cache(1)
def dataset(name: str, seed: int) -> tuple[Trajectories, Trajectories]:
    """Return the (train, test) data of a task and a seed."""
    task, rng = TASKS[name], generator(seed)
    z0 = task.starts(task.trajectories, generator=rng)
    data = simulate(task.system.field, z0, task.t, task.sigma, rng)
    return split_by_trajectory(data, task.train_fraction, rng)


def build(
    model: str, n: int, width: int, seed: int, activation: type[nn.Module]
) -> nn.Module:
    """Return an untrained model of states (..., n)."""

    def mlp(n_in, n_out, seed):
        return MLP(n_in, width, width, n_out, seed=seed, activation=activation)

    if model == "baseline":
        return DerivativePredictor(mlp(n, n, seed))
    if model == "hnn":
        return HNN(mlp(n, 1, seed))
    if model == "separable":
        return SeparableHNN(mlp(n // 2, 1, seed), mlp(n // 2, 1, 1000 + seed))
    return PairwiseHNN(mlp(1, 1, seed), mlp(1, 1, 1000 + seed))


def train_our_way(
    task: Task, model: str, seed: int, z: Tensor, dz_dt: Tensor
) -> nn.Module:
    """Return a model trained by our recipe on samples (N, 2n), without encounters.

    In float32, as in the lessons: faster, and the same digits in what they print.
    """
    recipe = dict(task.recipes[model])
    width = recipe.pop("width")
    net = build(model, z.shape[-1], width, seed, task.activation)
    kept = dz_dt.norm(dim=-1) <= task.close
    fit(net.float(), z[kept].float(), dz_dt[kept].float(), **recipe, seed=seed)
    return net.double()


def train_the_papers_way(
    task: Task, model: str, seed: int, z: Tensor, dz_dt: Tensor
) -> nn.Module:
    """Return a model trained by the protocol of the paper's code, in float32.

    Width 200, tanh, Adam with a constant 1e-3, batches without replacement. Left out:
    the test loss of every step, which costs the reference a quarter of its time.
    """
    net = build(model, z.shape[-1], 200, seed, nn.Tanh).float()
    z, dz_dt, rng = z.float(), dz_dt.float(), generator(seed)
    decay = task.paper["weight_decay"]
    adam = torch.optim.Adam(net.parameters(), 1e-3, weight_decay=decay)
    for _ in range(task.paper["steps"]):
        rows = slice(None)
        if task.paper["batch"]:
            rows = torch.randperm(len(z), generator=rng)[: task.paper["batch"]]
        adam.zero_grad()
        mse(net(z[rows]), dz_dt[rows]).backward()
        adam.step()
    return net.double()


WAYS = {
    "ours": train_our_way,
    "encounters": lambda task, *x: train_our_way(replace(task, close=inf), *x),
    "paper": train_the_papers_way,
    "exact": lambda task, *_: task.system.field,
}


def evaluation_starts(task: Task, rng: torch.Generator) -> Tensor:
    """Draw the paper's 15 starts of an evaluation, (15, 2n).

    Bodies start as in training; of the others each of q and p is from U[−0.8, 0.8],
    pushed away from 0 by 0.2.
    """
    if isinstance(task.system, NBody):
        return task.starts(15, generator=rng)
    u = 1.6 * torch.rand(15, 2, generator=rng, dtype=torch.float64) - 0.8
    return u + 0.2 * u.sign()


def corrected(task: Task, net: nn.Module, z0: Tensor) -> Tensor:
    """Return the energy MSE (starts,): fixed horizon, the system's own energy."""
    t = times(task.horizon, task.points)
    z_true = rollout(task.system.field, z0, t, 1e-10, 1e-10)
    return energy_mse(task.system.energy, z_true, rollout(net, z0, t, 1e-9, 1e-9))


def published(task: Task, net: nn.Module, z0: Tensor) -> Tensor:
    """Return the energy MSE (15,) as the paper's notebooks have it, faults included.

    Each has one. The spring's (analyze-spring.ipynb) lets the horizon grow by 1.09 with
    every call, for the model once more than for the truth. The pendulum's
    (analyze-pend.ipynb) has one horizon and one clock, and the spring's energy q² + p².
    """
    spring = isinstance(task.system, MassSpring)
    growth = 1.09 if spring else 1.0
    stretch = growth ** torch.arange(1, 16, dtype=torch.float64)[:, None]

    def run(field, scale):  # each start on its own clock
        return rollout(lambda z: scale * field(z), z0, times(20, 100), 1e-9, 1e-9)

    z_true, z = run(task.system.field, stretch), run(net, growth * stretch)
    return energy_mse(TASKS["spring"].system.energy, z_true, z)


def digits(x: float | Tensor) -> float | None:
    """Return four significant digits; None of what is not finite."""
    return float(f"{float(x):.4g}") if np.isfinite(float(x)) else None


def score(task: Task, net: nn.Module, seed: int) -> dict:
    """Return the energy MSE by every metric, mean over 15 starts."""
    rng = generator(10_000 + seed)
    z0 = evaluation_starts(task, rng)
    value = corrected(task, net, z0)
    scores = {"energy_mse": value.mean(), "energy_mse_median_start": value.median()}
    if not isinstance(task.system, NBody):
        trained = task.starts(15, generator=rng)
        scores["energy_mse_training_law"] = corrected(task, net, trained).mean()
        scores["energy_mse_published_metric"] = published(task, net, z0).mean()
    return scores


def measure(name: str, protocol: str, model: str, seed: int) -> dict:
    """Return one entry: a model, trained and scored; exact is the true field."""
    if name in clip_results.TASKS or name == "filmed pendulum":
        return clip_results.measure(name, model, seed)
    if name in pixel_results.SEEDS:
        scores = pixel_results.measure(name, model, seed)
        return {key: digits(x) for key, x in scores.items()}
    task, (train, test) = TASKS[name], dataset(name, seed)
    entry, start = {}, time.process_time()
    try:
        net = WAYS[protocol](task, model, seed, *train.samples())
        entry["cpu_seconds"] = time.process_time() - start
        for part, data in (("train", train), ("test", test)):
            z, dz_dt = data.samples()
            with torch.no_grad():
                square = (net(z) - dz_dt) ** 2
            entry[f"{part}_loss"] = square.mean()
            if task.close < inf:
                kept = dz_dt.norm(dim=-1) <= task.close
                entry[f"{part}_loss_without_encounters"] = square[kept].mean()
        entry |= score(task, net, seed)
    except RuntimeError as error:  # fit's or the solver's, when a model blows up
        if not re.search("loss is not finite|Reached t =", str(error)):
            raise
        entry["failed"] = str(error)
    return {k: v if k == "failed" else digits(v) for k, v in entry.items()}


def jobs() -> Iterator[Job]:
    """Yield (task, protocol, model, seed) of all entries."""
    for name, task in TASKS.items():
        for seed in range(task.seeds):
            for model in task.recipes:
                yield name, "ours", model, seed
            if seed < task.paper_seeds:
                yield name, "paper", "baseline", seed
                yield name, "paper", "hnn", seed
                if not isinstance(task.system, NBody):
                    yield name, "exact", "truth", seed
    yield "three bodies", "encounters", "hnn", 0
    for name, seeds in pixel_results.SEEDS.items():
        for seed in seeds:
            yield from ((name, "film", x, seed) for x in pixel_results.MODELS)
    yield from clip_results.jobs()


def cited() -> Iterator[dict]:
    """Yield the entries that are not ours: what was published, and the rerun."""
    costs, theirs = ("cpu_seconds", "train_loss", "test_loss"), "published_metric"
    for (task, model), (*cost, first, again, fixed) in CITED.items():
        name, rerun = {"task": task, "model": model}, zip(costs, cost, strict=True)
        energies = {"energy_mse": fixed, f"energy_mse_{theirs}": again}
        yield name | {"protocol": "published", f"energy_mse_{theirs}": first}
        energies |= TRIALS[model] if task == "three bodies" else {}
        yield name | {"protocol": "rerun"} | dict(rerun) | energies


@cache
def provenance() -> dict:
    """Return how and with what the entries were made."""
    git = ["git", "-C", str(FILE.parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True).stdout.strip()
    versions = {x.__name__: x.__version__ for x in (torch, np, scipy, hnnlib)}
    return {
        "command": "make results",
        "commit": commit,
        "versions": {"python": platform.python_version()} | versions,
        "machine": f"{os.cpu_count()}-core {platform.machine()} CPU, one thread",
        "encounters": f"three bodies, ours: trained where |dz/dt| <= {CLOSE:g}",
    }


def stored() -> dict[Job, dict]:
    """Return the entries of the file by job, none if there is no file."""
    try:
        entries = json.loads(FILE.read_bytes())["entries"]
        return {tuple(entry.get(key) for key in KEYS): entry for entry in entries}
    except FileNotFoundError:
        return {}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        remedy = "`git checkout` restores it; if you delete it, all is measured anew"
        sys.exit(f"{FILE} is damaged ({error}); {remedy}")


def save(entries: list[dict]) -> None:
    """Write the file, one entry a line."""
    rows = ",\n".join(json.dumps(row) for row in [*cited(), *entries])
    head = json.dumps({"provenance": provenance(), "cited": SOURCE}, indent=1)[:-2]
    write_whole(FILE, f'{head},\n "entries": [\n{rows}\n]\n}}\n'.encode())


def work(group: list[Job]) -> dict[Job, dict]:
    """Return the entries of some jobs, in a process of its own."""
    torch.set_num_threads(1)
    commit = {"commit": provenance()["commit"]}
    return {
        job: dict(zip(KEYS, job, strict=True)) | commit | measure(*job) for job in group
    }


def group_of(job: Job) -> tuple:
    """Return what jobs done together share: task and seed, or an ensemble of clips."""
    task, _, model, seed = job
    clips = task in clip_results.TASKS
    return (task, model, clip_results.ensemble(seed)) if clips else (task, seed)


def compute(todo: list[Job], done: dict[Job, dict], scheduler: str) -> None:
    """Add what is to do to what is done, and save it, a task and seed at a time."""
    groups = [list(group) for _, group in groupby(todo, group_of)]
    opened, failures = dask_executor(scheduler) if scheduler else local_executor(), []
    with opened as executor, tqdm(todo) as bar:
        films_first = reversed(groups)  # or one process would wait for the last of them
        futures = {executor.submit(work, group) for group in films_first}
        for future in as_completed(futures):
            if future.exception():  # the others are kept, this one is raised at the end
                failures.append(future.exception())
            else:
                done |= future.result()
                bar.update(len(future.result()))
                save([done[job] for job in jobs() if job in done])
            futures.remove(future)
            del future  # held, Dask would repeat it if the worker that did it died
    for failure in failures:
        raise failure


def main(scheduler: str = "") -> None:
    """Compute the entries that the file lacks, here or on a scheduler's workers."""
    with only_writer(FILE):
        done = stored()
        try:
            compute([job for job in jobs() if job not in done], done, scheduler)
            pixel_results.keep_networks()
        except (KeyboardInterrupt, CancelledError):  # Ctrl-C; Dask's scheduler is gone
            sys.exit("stopped; finished entries are saved, the next run goes on there")
    print(f"{FILE.name}: all entries, {FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    # Workers find functions by the name of their module, and __main__ is another there.
    from make_results import main

    main(*sys.argv[1:])
