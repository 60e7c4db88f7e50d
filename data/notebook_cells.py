"""Take from a notebook what it writes out, so that no script keeps a copy."""

import json
from pathlib import Path

import torch

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def defined(number: str, tag: str) -> dict:
    """Return the names that a notebook's first code cell and its tagged ones define.

    Torch's default dtype is left as it was; one thread and the series' style stay.
    What a notebook defines cannot be pickled: send a process names.
    """
    found = NOTEBOOKS.glob(f"{number}_*.ipynb")
    (path,) = (p for p in found if "-Copy" not in p.stem)  # JupyterLab's duplicates
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    tagged = [c for c in code if tag in c["metadata"].get("tags", [])]
    names: dict = {"__name__": path.stem}  # of the classes, too
    before = torch.get_default_dtype()
    try:
        for cell in [code[0], *tagged]:
            exec("".join(cell["source"]), names)
    finally:
        torch.set_default_dtype(before)
    return names
