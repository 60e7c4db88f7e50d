"""Write planets.npz, the data of notebook 11, beside this file.

Needs the ephemeris DE421 of the Jet Propulsion Laboratory: `pip install de421`. Its
Chebyshev coefficients (sets, 3, degree + 1) give km from the solar system's barycentre
along equatorial axes. Only elementwise arithmetic, so that every machine writes the
same bytes.
"""

import hashlib
import io
import math
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.polynomial import chebyshev
from saving import write_whole

from hnnlib.data import PLANETS, PLANETS_FILE, PLANETS_SHA256

YEAR = 365.25  # days
EPOCH = 2451544.5  # Julian date (TDB) of 2000 January 1, 0 h: t = 0
OBLIQUITY = math.radians(84381.448 / 3600)  # of the ecliptic of J2000
TRAIN_DAYS = np.arange(-3652.0, 1, 2)  # from 1990 January 1
TEST_DAYS = np.arange(0.0, 18264, 20)  # to 2049 December 29
FILES = {name: name.lower() for name in PLANETS} | {"Earth": "earthmoon"}


def folder() -> Path:
    """Return where the package de421 keeps its arrays."""
    spec = find_spec("de421")
    if spec is None:
        sys.exit("The package de421 is missing: `pip install de421`, then run me again")
    return Path(spec.origin).parent


def constants() -> dict[str, float]:
    """Return the constants of DE421 by name: GM in AU³/day², AU in km, and others."""
    return {name.decode(): value for name, value in np.load(folder() / "constants.npy")}


def equatorial(body: str, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return km and km/day from the barycentre at days after EPOCH, (days, 3) each."""
    sets = np.load(folder() / f"jpl-{body}.npy")  # one for each span of equal length
    first, last = constants()["jalpha"], constants()["jomega"]
    span = (last - first) / len(sets)
    i, offset = np.divmod(days + (EPOCH - first), span)
    x = (2 * offset / span - 1)[:, None]  # (days, 1), from −1 to 1
    c = np.moveaxis(sets[i.astype(int)], -1, 0)  # (degree + 1, days, 3)
    speed = chebyshev.chebval(x, chebyshev.chebder(c), tensor=False) * (2 / span)
    return chebyshev.chebval(x, c, tensor=False), speed


def ecliptic(x: np.ndarray) -> np.ndarray:
    """Turn equatorial vectors (..., 3) about the x axis into those of the ecliptic."""
    cos, sin = math.cos(OBLIQUITY), math.sin(OBLIQUITY)
    x, y, z = np.moveaxis(x, -1, 0)
    return np.stack([x, y * cos + z * sin, z * cos - y * sin], axis=-1)


def heliocentric(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return AU and AU/year from the Sun, ecliptic axes, (planets, days, 3) each."""
    sun, au = equatorial("sun", days), constants()["AU"]
    bodies = [equatorial(FILES[name], days) for name in PLANETS]
    q, v = (np.stack([b[k] - sun[k] for b in bodies]) for k in (0, 1))
    return ecliptic(q / au), ecliptic(v / au * YEAR)


def arrays() -> dict[str, np.ndarray]:
    """Return what planets.npz holds; data/README.md explains it."""
    known = constants()
    gm = [known[f"GM{i}"] for i in ("1", "2", "B", "4", "5", "6", "7", "8")]
    return {
        "train_t": TRAIN_DAYS / YEAR,
        "train_q": heliocentric(TRAIN_DAYS)[0],
        "test_t": TEST_DAYS / YEAR,
        "test_z": np.concatenate(heliocentric(TEST_DAYS), axis=-1),
        "mass": np.array(gm) / known["GMS"],
        "gm_sun": np.array(known["GMS"] * YEAR**2),
    }


def main() -> None:
    """Write the file if its bytes are known."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays().items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980
            entry.create_system = 3  # on Windows, too
            archive.writestr(entry, buffer.getvalue())
    found = hashlib.sha256(content.getvalue()).hexdigest()
    if found != PLANETS_SHA256:
        known = "that checksum into hnnlib/data.py and README.md and run this again"
        sys.exit(f"new bytes, {found}, not written: if they are right, put {known}")
    write_whole(PLANETS_FILE, content.getvalue())
    print(f"{PLANETS_FILE.name}: {PLANETS_FILE.stat().st_size / 1000:.0f} kB, {found}")


if __name__ == "__main__":
    main()
