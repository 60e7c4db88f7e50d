"""Build the site from the saved notebooks: `python docs/build.py FOLDER`.

Nothing is run. Sphinx reads copies, beside the site in FOLDER-sources, in which

- each figure's alternative text stands where myst-nb looks for it,
- what is folded in JupyterLab is folded, as "Show code" or "Solution",
- links lead to pages of the site, or to nowhere if there is none,
- what a text marks as new, <dfn>phase space</dfn>, can be linked to.

The glossary is collected from these marks; the map and the picture are README's.
"""

import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SERIES = sorted((ROOT / "notebooks").glob("*.ipynb"))
MATHJAX = "mathjax@3.2.2"  # version 4 asks a server for its fonts
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:)([^)#\s]+)(#[^)\s]*)?\)")
TERM = re.compile(r"<dfn>(.*?)</dfn>")
BLOCK = re.compile(r"\n\n(?=#|- |\||> |\*\*)|(?<=[.?!:])\n\n|\n(?=- |\d\. )")
SENTENCE = re.compile(r"(?<=[.?!])(?:\*\*)?\s+(?=[A-Z*$`<]|$)")


def pages():
    """Return {file: its place in the site} of what is written for readers."""
    found = {path: path.relative_to(ROOT) for path in SERIES}
    for path in [*sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("*.ipynb"))]:
        found[path] = path.relative_to(DOCS)
    for name in ("CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md"):
        if (ROOT / name).is_file():
            found[ROOT / name] = Path(name)
    return found


def relink(text, source, place):
    """Let a file's links lead, from its place in the site, to others or nowhere."""
    known = pages()

    def link(found):
        image, words, target, anchor = found.groups()
        path = (source.parent / target).resolve()
        if not image and path not in known:
            return words
        there = known.get(path, Path("images", path.name)).as_posix()
        up = "../" * (len(place.parts) - 1)
        return f"{image}[{words}]({up}{there}{anchor or ''})"

    return LINK.sub(link, text)


def anchor(term):
    """Return the address, on its page, of the place where a term is introduced."""
    return "term-" + re.sub(r"\W+", "-", term.lower()).strip("-")


def for_the_site(source, place):
    """Return a notebook with its cells as myst-nb expects them."""
    notebook = json.loads(source.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        about, text = cell["metadata"], "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            text = TERM.sub(lambda m: f'<dfn id="{anchor(m[1])}">{m[1]}</dfn>', text)
            cell["source"] = relink(text, source, place)
            continue
        about["mystnb"] = {}
        for output in cell["outputs"]:
            if "image/png" in output.get("data", {}):
                alt = output["metadata"]["image/png"]["alt"]
                about["mystnb"]["image"] = {"alt": alt}
        if "solution" in about.get("tags", []):
            about["tags"] += ["hide-cell"]
            about["mystnb"] |= dict.fromkeys(
                ["code_prompt_show", "code_prompt_hide"], "Solution"
            )
        elif about.get("jupyter", {}).get("source_hidden"):
            about["tags"] += ["hide-input"]
    return json.dumps(notebook)


def definition(text, term):
    """Return the sentence, or the row of a table, in which a term is marked."""
    mark = f"<dfn>{term}</dfn>"
    table = [line for line in text.splitlines() if line.startswith("|")]
    for row in (line for line in table if mark in line):
        heads, cells = (
            [cell.strip() for cell in line.strip("|").split("|")][1:]
            for line in (table[0], row)
        )
        said = [f"{h} {c}".strip() for h, c in zip(heads, cells, strict=True)]
        said = "; ".join(said) + "."
        return said[0].upper() + said[1:]
    (block,) = (x for x in BLOCK.split(text) if mark in x)
    (sentence,) = (x for x in SENTENCE.split(block) if mark in x)
    sentence = re.sub(r"^(- |\d\. |#+ .*\n+)", "", sentence).strip()
    return TERM.sub(r"\1", re.sub(r":$", ".", sentence))


def glossary():
    """Return the page of notation and terms, collected from the notebooks."""
    entries, notation = {}, ""
    for source in SERIES:
        cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
        title = texts[0].splitlines()[0].removeprefix("# ")
        for text in texts:
            if "\n## Notation\n" in text:
                notation = re.search(r"## Notation\n(.*?)\n## ", text, re.S)[1]
            for term in TERM.findall(text):
                name = term[0].upper() + term[1:]
                if name in entries:
                    sys.exit(f"{source.name} introduces {term} once more")
                said = relink(definition(text, term), source, Path("glossary.md"))
                page = f"notebooks/{source.stem}.html#{anchor(term)}"
                entries[name] = f'{said} (<a href="{page}">{title}</a>)'
    page = ["# Notation and glossary", "## Notation", notation, "## Terms"]
    page += [
        "As the notebooks introduce them; each leads to its place.",
        ":::{glossary}",
    ]
    for name in sorted(entries, key=str.lower):
        page += [name + "\n" + re.sub(r"^(?=.)", "  ", entries[name], flags=re.M)]
    return "\n\n".join([*page, ":::\n"])


def interface():
    """Return the page of the package, a section a module, by its docstrings."""
    page = ["# The package", "Each module may import only those above it in README."]
    for path in sorted((ROOT / "hnnlib").glob("[!_]*.py")):
        page += [f"## hnnlib.{path.stem}\n\n```{{eval-rst}}"]
        page[-1] += f"\n.. automodule:: hnnlib.{path.stem}\n   :members:\n```"
    return "\n\n".join(page)


def index():
    """Return the first page: its words, README's picture and map, a list of pages."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    picture = re.search(r"^!\[.*\)$", readme, re.M)
    rows = re.findall(r"^\| \d\d \| \[.*", readme, re.M)
    heads = ["| # | notebook | you will | read | run |", "|---|---|---|---|---|"]
    parts = {"picture": picture[0], "map": "\n".join(heads + rows)}
    page = (DOCS / "index.md").read_text(encoding="utf-8")
    for name, text in parts.items():
        page = page.replace(
            f"<!-- {name} -->", relink(text, ROOT / "README.md", Path())
        )
    series = [f"notebooks/{path.stem}" for path in SERIES]
    others = [place.stem for path, place in pages().items() if path not in SERIES]
    others = ["glossary", *(x for x in others if x != "index"), "package"]
    for caption, names in {"The notebooks": series, "Beside them": others}.items():
        lines = [":::{toctree}", ":hidden:", f":caption: {caption}", "", *names, ":::"]
        page += "\n" + "\n".join(lines) + "\n"
    return page


def mathjax(folder):
    """Bring MathJax by npm, once, and unpack what the pages load."""
    packed = ROOT / "build" / (MATHJAX.replace("@", "-") + ".tgz")
    packed.parent.mkdir(exist_ok=True)
    if not packed.is_file():
        npm = shutil.which("npm")
        if npm is None:
            sys.exit("the site carries MathJax along: install npm (apt install npm)")
        subprocess.run(
            [npm, "pack", "--silent", MATHJAX], cwd=packed.parent, check=True
        )
    folder.mkdir(parents=True)
    with tarfile.open(packed) as archive:
        for name in ("package/es5/tex-svg-full.js", "package/LICENSE"):
            content = archive.extractfile(name).read()
            (folder / Path(name).name).write_bytes(content)


def main(site):
    """Lay out the sources beside the site's folder, and run Sphinx on them."""
    sources = site.with_name(site.name + "-sources")
    shutil.rmtree(sources, ignore_errors=True)
    sources.mkdir(parents=True)
    made = {"glossary.md": glossary(), "package.md": interface(), "index.md": index()}
    for path, place in pages().items():
        if path.suffix == ".ipynb":
            made[place] = for_the_site(path, place)
        elif place.name != "index.md":
            made[place] = relink(path.read_text(encoding="utf-8"), path, place)
    for place, text in made.items():
        (sources / place).parent.mkdir(exist_ok=True)
        (sources / place).write_text(text, encoding="utf-8")
    shutil.copy(DOCS / "conf.py", sources)
    shutil.copytree(DOCS / "static", sources / "static")
    (sources / "images").mkdir()
    for picture in (ROOT / "notebooks").glob("*.png"):
        shutil.copy(picture, sources / "images")
    mathjax(sources / "static" / "mathjax")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"]
    command += ["--doctree-dir", sources / ".doctrees"]
    done = subprocess.run([*command, sources, site])
    sys.exit(done.returncode)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
