"""Write into TEACHING.md how many minutes each section of a notebook takes to read.

The rule: 150 words and 8 visible lines of code a minute. `python docs/clock.py` writes
the lines that begin with *Clock.*; a test asserts that they are up to date.
"""

import json
import os
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOTEBOOKS = HERE.parent / "notebooks"


def clock(path: Path) -> str:
    """Return the minutes of each section of a notebook, in one line."""
    title, minutes = "opening", {"opening": 0.0}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            if not cell["metadata"].get("jupyter", {}).get("source_hidden"):
                seen = [line for line in source.splitlines() if line.strip()]
                minutes[title] += len(seen) / 8
            continue
        for part in re.split(r"^(?=## )", source, flags=re.M):
            heading = re.match(r"## (.+)", part)
            if heading:
                title = heading[1].strip()
                minutes.setdefault(title, 0.0)
            minutes[title] += len(re.findall(r"[A-Za-z]{2,}", part)) / 150
    return "*Clock.* " + " · ".join(f"{k} {v:.0f}" for k, v in minutes.items())


def with_clocks(text: str) -> str:
    """Return the guide's text with the clock of each notebook that it names."""

    def line(found: re.Match) -> str:
        (path,) = NOTEBOOKS.glob(f"{found[2]}_*.ipynb")
        return found[1] + clock(path)

    return re.sub(r"(^### (\d\d) · .*\n\n)\*Clock\.\*.*$", line, text, flags=re.M)


if __name__ == "__main__":
    guide = HERE / "TEACHING.md"
    part = guide.with_suffix(".tmp")
    part.write_text(with_clocks(guide.read_text(encoding="utf-8")), encoding="utf-8")
    os.replace(part, guide)
