"""Simulate trajectories to learn from, split and load them; notebooks 02 and 10."""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hnnlib import checks
from hnnlib.integrators import rollout
from hnnlib.mechanics import VectorField
from hnnlib.systems import MassSpring

SPRING_FILE = Path(__file__).parents[1] / "data" / "spring.npz"
RESULTS_FILE = SPRING_FILE.with_name("results.json")
PIXELS_FILE = SPRING_FILE.with_name("pixels.npz")
PLANETS_FILE = SPRING_FILE.with_name("planets.npz")
PLANETS_SHA256 = "f5b42362af66dfdf8aa994cdfd13f7536e8e98ca97dcd3ab952c65043576cb4c"
PLANETS = "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune".split()


@dataclass(frozen=True)
class Trajectories:
    """Hold states measured with noise, the clean states, and the rates of the clean.

    t is (time,), the others (..., trajectories, time, 2n); leading axes count seeds.
    """

    t: Tensor
    z: Tensor
    z_clean: Tensor
    dz_dt: Tensor

    def samples(self) -> tuple[Tensor, Tensor]:
        """Return (z, dz_dt) with trajectories and times merged, (..., N, 2n) each."""
        return self.z.flatten(-3, -2), self.dz_dt.flatten(-3, -2)

    def pairs(self) -> tuple[Tensor, Tensor]:
        """Return (z now, z one sample later), (..., N, 2n) each."""
        return self.z[..., :-1, :].flatten(-3, -2), self.z[..., 1:, :].flatten(-3, -2)


def simulate(
    field: VectorField,
    z0: Tensor,
    t: Tensor,
    sigma: float,
    generator: torch.Generator,
    rtol: float = 1e-11,
    atol: float = 1e-14,
) -> Trajectories:
    """Integrate starts z0 (trajectories, 2n) over t (time,), measure with noise.

    sigma is the noise's standard deviation on each component of z, ValueError if < 0.
    Rates are those of the clean states, as in the code of Greydanus et al. (2019).
    """
    checks.expect(0 <= sigma < torch.inf, f"sigma is {sigma}", "0 <= sigma")
    z = rollout(field, z0, t, rtol, atol)
    noise = torch.randn(z.shape, generator=generator, dtype=z.dtype)
    # Time by time: a field may have constants of its own for each trajectory.
    dz_dt = torch.stack([field(x).detach() for x in z.unbind(dim=-2)], dim=-2)
    return Trajectories(t, z + sigma * noise, z, dz_dt)


def split_by_trajectory(
    data: Trajectories, train_fraction: float, generator: torch.Generator
) -> tuple[Trajectories, Trajectories]:
    """Split whole trajectories at random; ValueError if a part would be empty."""
    n = data.z.shape[-3]
    n_train = round(train_fraction * n) if 0 < train_fraction < 1 else 0
    expected = f"one in (0, 1) that splits {n} trajectories"
    checks.expect(0 < n_train < n, f"train_fraction is {train_fraction}", expected)
    parts = torch.randperm(n, generator=generator).split([n_train, n - n_train])
    states = torch.stack([data.z, data.z_clean, data.dz_dt])  # (3, ..., n, time, 2n)
    train, test = (Trajectories(data.t, *states[..., part, :, :]) for part in parts)
    return train, test


def spring_dataset(
    seed: int, n: int = 50, sigma: float = 0.1
) -> tuple[Trajectories, Trajectories]:
    """Return the (train, test) data of notebooks 00 and 02 to 06 for one seed.

    n springs (m = k = 1, H ~ U[0.2, 1]), 30 noisy samples 0.1 apart; half the n train.
    """
    generator = torch.Generator().manual_seed(seed)
    z0 = MassSpring().sample_by_energy(n, 0.2, 1.0, generator)
    t = 0.1 * torch.arange(30, dtype=torch.float64)
    data = simulate(MassSpring().field, z0, t, sigma, generator)
    return split_by_trajectory(data, 0.5, generator)


def stack(parts: Sequence[Trajectories]) -> Trajectories:
    """Put data of equal shape and times side by side, (seeds, trajectories, ...)."""
    t, *columns = zip(*(vars(data).values() for data in parts), strict=True)
    same = all(torch.equal(x, t[0]) for x in t)
    checks.expect(same, "the data sets' times t differ", "the same for all")
    return Trajectories(t[0], *(torch.stack(column) for column in columns))


@contextmanager
def reading(path: Path | str, remedy: str) -> Iterator[bytes]:
    """Give a file's bytes to a ``with``; ValueError with the remedy if either fails."""
    if not SPRING_FILE.parent.is_dir():  # a wheel has no data folder
        remedy = "hnnlib is alone here; in the project's folder: pip install -e ."
    if not Path(path).is_file():
        raise ValueError(f"{path} is missing, or no file; {remedy}")
    try:
        yield Path(path).read_bytes()
    except Exception as error:  # damage has many names: zlib's, zipfile's, numpy's
        raise ValueError(f"{path} is damaged ({error}); {remedy}") from error


def tensors(content: bytes, checksum: str | None = None) -> dict[str, Tensor]:
    """Return an npz archive's floats by name; ValueError if its SHA-256 is another."""
    found = sha256(content).hexdigest()
    checks.expect(checksum in (None, found), f"its checksum is {found}", str(checksum))
    with np.load(io.BytesIO(content)) as file:  # pickled objects are refused
        return {k: torch.from_numpy(x) for k, x in file.items() if x.dtype.kind == "f"}


def load_spring(path: Path | str = SPRING_FILE) -> tuple[Trajectories, Trajectories]:
    """Read (train, test) of notebooks 02 to 05; ValueError if damaged or missing."""
    with reading(path, "`python data/make_spring.py` builds it") as content:
        file, names = tensors(content), Trajectories.__dataclass_fields__
        train, test = ([file[f"{k}_{n}"] for n in names] for k in ("train", "test"))
        for t, *states in (train, test):
            times = t[:, None].expand(len(states[0]), len(t), 2)  # all of this shape
            checks.finite(torch.stack([times, *states]), "a state")
        return Trajectories(*train), Trajectories(*test)


def load_planets(path: Path | str = PLANETS_FILE) -> dict[str, Tensor]:
    """Read orbits of PLANETS for notebooks 11, 12; ValueError if damaged or missing.

    Keys are train_t (time,), train_q (8, time, 3), test_t (time,), test_z (8, time, 6),
    mass (8,) and gm_sun; AU, Julian years and solar masses; data/README.md explains.
    """
    remedy = "`git checkout planets.npz` in data restores it, `pip install de421` and "
    with reading(path, remedy + "`python data/make_planets.py` build it") as content:
        return tensors(content, PLANETS_SHA256)


def load_pixels(path: Path | str = PIXELS_FILE) -> dict[str, Tensor]:
    """Read what notebook 10 trained (data/README.md); ValueError if it cannot."""
    remedy = "`git checkout pixels.*` in data restores it, `make results` trains it"
    with reading(Path(path).with_suffix(".sha256"), remedy) as note:
        checksum = note.decode().split(" ")[0]
    with reading(path, remedy) as content:
        return tensors(content, checksum)


def load_results(path: Path | str = RESULTS_FILE) -> dict:
    """Read what `make results` measured (data/README.md); ValueError if it cannot."""
    remedy = "`make results` measures it; delete a damaged one first"
    with reading(path, remedy) as content:
        found = json.loads(content)
        return {key: found[key] for key in ("provenance", "cited", "entries")}
