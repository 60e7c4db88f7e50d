"""Write spring.npz, the data of notebooks 02 to 05, beside this file."""

import io

import numpy as np
from saving import write_whole

from hnnlib.data import SPRING_FILE, spring_dataset

PROTOCOL = {
    "seed": 0,
    "system": "MassSpring, m = k = 1",
    "energy_low": 0.2,
    "energy_high": 1.0,
    "dt": 0.1,
    "sigma": 0.1,
}


def main() -> None:
    """Write the file, whole or not at all."""
    train, test = spring_dataset(PROTOCOL["seed"])
    arrays = {f"train_{name}": x for name, x in vars(train).items()}
    arrays |= {f"test_{name}": x for name, x in vars(test).items()}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays, **PROTOCOL)
    write_whole(SPRING_FILE, content.getvalue())
    print(f"{SPRING_FILE.name}: {SPRING_FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
