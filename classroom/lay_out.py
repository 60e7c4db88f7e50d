"""Copy the files of a folder that another folder lacks: ``lay_out.py FROM TO``.

A file that is there is never touched, so a student's work is safe, and a notebook
deleted by mistake comes back at the next start.
"""

import os
import shutil
import sys
from pathlib import Path


def lay_out(source: Path, target: Path) -> None:
    """Copy what is missing; a file appears whole or not at all."""
    for file in sorted(source.rglob("*")):
        place = target / file.relative_to(source)
        if file.is_file() and not os.path.lexists(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(f".{place.name}.part")
            shutil.copyfile(file, part)
            os.replace(part, place)


if __name__ == "__main__":
    source = Path(sys.argv[1])
    if not any(source.rglob("*.ipynb")):
        sys.exit(f"{source} holds no notebooks: run `make handout` in the project")
    lay_out(source, Path(sys.argv[2]))
