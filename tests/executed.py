"""Refuse notebooks that were not executed from top to bottom: executed.py PATH..."""

import json
import sys
from pathlib import Path


def fault(path: Path) -> str | None:
    """Return what is wrong with a saved notebook, or None."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    counts = [c["execution_count"] for c in cells if c["cell_type"] == "code"]
    if counts != list(range(1, len(counts) + 1)):
        return f"{path}: not executed from top to bottom; make notebooks NB={path}"


if __name__ == "__main__":
    faults = [fault(Path(name)) for name in sys.argv[1:]]
    sys.exit("\n".join(filter(None, faults)) or 0)
