"""Build the site from the saved notebooks: `python docs/build.py FOLDER`.

Nothing is run. Sphinx reads copies, beside the site in FOLDER-sources, in which

- each figure's alternative text stands where myst-nb looks for it,
- what is folded in JupyterLab is folded, as "Show code" or "Solution",
- links lead to pages of the site, or to nowhere if there is none,
- what a text marks as a definition, <dfn>phase space</dfn>, can be linked to.

The glossary is collected from these marks, notation and map from notebook 00 and README.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MATHJAX = "mathjax@3.2.2"  # version 4 asks a server for its fonts
ROOT_PAGES = ["CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md"]  # if present
NO_NPM = "The site carries MathJax along: install npm (sudo apt install npm)"
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:)([^)#\s]+)(#[^)\s]*)?\)")
TERM = re.compile(r"<dfn>(.*?)</dfn>")
SENTENCE_END = re.compile(r"(?<=[.?!])(?:\*\*)?\s+(?=[A-Z*$`<\"]|$)")


def pages():
    """Return {file of the project: its place in the site}."""
    found = {path: path.relative_to(DOCS) for path in sorted(DOCS.glob("*.md"))}
    found |= {path: path.relative_to(DOCS) for path in sorted(DOCS.glob("*.ipynb"))}
    series = sorted((ROOT / "notebooks").glob("*.ipynb"))
    found |= {path: path.relative_to(ROOT) for path in series}
    return found | {ROOT / n: Path(n) for n in ROOT_PAGES if (ROOT / n).is_file()}


def relink(text, source, place, known):
    """Let links of a text lead from its place in the site to others, or nowhere."""

    def link(found):
        image, words, target, anchor = found.groups()
        path = (source.parent / target).resolve()
        if path not in known and not image:
            return words
        there = known.get(path, path.relative_to(ROOT))
        up = "../" * (len(place.parts) - 1)
        return f"{image}[{words}]({up}{there.as_posix()}{anchor or ''})"

    return LINK.sub(link, text)


def anchor(term):
    return "term-" + re.sub(r"\W+", "-", term.lower()).strip("-")


def for_the_site(notebook, source, place, known):
    """Change a notebook's cells to what myst-nb expects."""
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] == "markdown":
            text = relink("".join(cell["source"]), source, place, known)
            cell["source"] = TERM.sub(
                lambda m: f'<dfn id="{anchor(m[1])}">{m[1]}</dfn>', text
            )
            continue
        how = cell["metadata"]["mystnb"] = {}
        for output in cell["outputs"]:
            if "image/png" in output.get("data", {}):
                how["image"] = {"alt": output["metadata"]["image/png"]["alt"]}
        if "solution" in tags:
            cell["metadata"]["tags"] = [*tags, "hide-cell"]
            how |= {"code_prompt_show": "Solution", "code_prompt_hide": "Solution"}
        elif cell["metadata"].get("jupyter", {}).get("source_hidden"):
            cell["metadata"]["tags"] = [*tags, "hide-input"]
    return notebook


def definition(cell, term):
    """Return the sentence, or the row of a table, that introduces a term."""
    mark = f"<dfn>{term}</dfn>"
    rows = [line for line in cell.splitlines() if line.startswith("|")]
    for row in (row for row in rows if mark in row):
        heads, parts = ([x.strip() for x in r.strip("|").split("|")] for r in (rows[0], row))
        said = [f"{h} {p}".strip() for h, p in zip(heads[1:], parts[1:], strict=True)]
        return "; ".join(said) + "."
    blocks = re.split(r"\n\n(?=#|- |\||> )|(?<=[.?!:])\n\n|\n(?=- |\d\. )", cell)
    (block,) = (b for b in blocks if mark in b)
    (sentence,) = (s for s in SENTENCE_END.split(block) if mark in s)
    return TERM.sub(r"\1", re.sub(r"^(- |\d\. )", "", sentence)).strip(" *")


def glossary(series, known):
    """Return the page of notation and terms, collected from the notebooks."""
    place, entries, notation = Path("glossary.md"), {}, ""
    for source in series:
        cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
        title = texts[0].splitlines()[0].removeprefix("# ")
        for text in texts:
            if "\n## Notation\n" in text:
                notation = re.search(r"## Notation\n(.*?)\n## ", text, re.S)[1]
            for term in TERM.findall(text):
                if term.lower() in entries:
                    raise SystemExit(f"{source.name} marks {term} as new once more")
                page = f"notebooks/{source.stem}.html#{anchor(term)}"
                said = relink(definition(text, term), source, place, known)
                link = f'<a href="{page}">{title}</a>'
                lines = f"{said} ({link})".splitlines()
                entries[term.lower()] = [term[0].lower() + term[1:]] + ["  " + x for x in lines]
    ...
