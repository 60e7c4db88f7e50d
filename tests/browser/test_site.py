"""The site: built from saved outputs, and read in a browser without any network."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
SERIES = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"  # no name leads anywhere

EXTRA = "needs the extra `site`: pip install -c constraints.txt -e '.[site]'"
no_sphinx = not all(map(find_spec, ("sphinx", "myst_nb", "sphinx_book_theme")))
NPM = "needs npm, or what it packed: sudo apt install npm"
no_mathjax = not (shutil.which("npm") or [*(ROOT / "build").glob("mathjax-*.tgz")])
pytestmark = [
    pytest.mark.skipif(no_sphinx, reason=EXTRA),
    pytest.mark.skipif(no_mathjax, reason=NPM),
]
BROWSER = pytest.mark.skipif(
    not (CHROMIUM and find_spec("playwright")),
    reason="needs Chromium and playwright: sudo apt install chromium",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, ROOT / "docs" / "build.py", folder]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr, "Sphinx warns"
    return folder


class Page(HTMLParser):
    """What a page links to, loads, and can be linked at."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids |= {found.get("id"), found.get("name")}
        wanted = {"a": "href", "link": "href", "img": "src", "script": "src"}
        if found.get(wanted.get(tag)):
            self.links.append(found[wanted[tag]])


def pages(site):
    return sorted(x for x in site.rglob("*.html") if "_static" not in x.parts)


@pytest.fixture(scope="module")
def parsed(site):
    return {path: Page(path) for path in pages(site)}


def test_every_link_within_the_site_leads_somewhere(parsed):
    for path, page in parsed.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto", "data"):
                continue
            there = (path.parent / unquote(parts.path)).resolve()
            there = there if parts.path else path
            assert there.is_file(), f"{path.name}: {link}"
            if parts.fragment and there.suffix == ".html":
                ids = parsed[there].ids
                assert unquote(parts.fragment) in ids, f"{path.name}: {link}"


def test_nothing_that_a_page_loads_stands_elsewhere(site):
    for path in pages(site):
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(
            r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=\"(.*?)\"", text
        )
        assert not [x for x in loaded if urlsplit(x).scheme not in ("", "data")], path


def test_every_notebook_can_be_downloaded_and_leads_to_the_next(site):
    for i, path in enumerate(SERIES):
        page = (site / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        download = f"../_sources/notebooks/{path.name}"
        assert f'href="{download}"' in page
        copy = nbformat.read(site / "notebooks" / download, 4)
        nbformat.validate(copy)
        code = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
        assert [c.source for c in copy.cells if c.cell_type == "code"] == code
        for follower in SERIES[i + 1 : i + 2]:
            (area,) = re.findall(r'<a class="right-next".*?</a>', page, re.S)
            assert f'href="{follower.stem}.html"' in area
        assert "copybutton.js" in page and "theme-switch" in page


def test_every_term_that_is_introduced_stands_in_the_glossary(parsed, site):
    (page,) = (p for path, p in parsed.items() if path.name == "glossary.html")
    text = (site / "glossary.html").read_text(encoding="utf-8")
    assert "standard deviation of the noise" in text  # the notation of 00
    marked = 0
    for path in SERIES:
        for term in re.findall(r"<dfn>(.*?)</dfn>", path.read_text(encoding="utf-8")):
            address = re.sub(r"\W+", "-", term.lower()).strip("-")
            assert f"notebooks/{path.stem}.html#term-{address}" in page.links
            marked += 1
    assert marked >= 20


LOOK = """async () => {
  await window.MathJax?.startup.promise;
  const all = selector => [...document.querySelectorAll(selector)];
  const images = all('article img, .bd-article img');
  await Promise.all(images.map(image => { image.loading = 'eager';
                                          return image.decode().catch(() => 0); }));
  return {
    raw: all('.math').filter(x => !x.querySelector('mjx-container')).length,
    wrong: all('[data-mml-node="merror"]').length,
    formulas: all('mjx-container').length,
    spoken: all('mjx-assistive-mml').length,
    wide: document.documentElement.scrollWidth - window.innerWidth,
    empty: images.filter(x => !x.naturalWidth).length,
    alts: all('.cell_output img').map(x => x.alt),
    open: all('details[open]').length,
    folded: all('details').length,
  };
}"""


def alts(path):
    outputs = [o for c in nbformat.read(path, 4).cells for o in c.get("outputs", [])]
    found = [
        o.metadata["image/png"] for o in outputs if "image/png" in o.get("data", {})
    ]
    return [x["alt"] for x in found]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        args = [*FLAGS.split(), OFFLINE]
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=args)


@BROWSER
def test_every_page_is_complete_without_a_network_on_a_screen_and_a_phone(
    site, browser
):
    context = browser.new_context()
    page, complaints = context.new_page(), []
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: m.type == "error" and complaints.append(m.text))
    page.on("request", lambda r: r.url.startswith("http") and complaints.append(r.url))
    saved = {f"{path.stem}.html": path for path in SERIES}
    formulas = 0
    for path in pages(site):
        page.goto(path.as_uri())
        for width in (1300, 390):
            page.set_viewport_size({"width": width, "height": 900})
            seen = page.evaluate(LOOK)
            where = path.name, width, seen
            assert not complaints, (path.name, complaints)
            assert seen["raw"] == seen["wrong"] == seen["empty"] == 0, where
            assert seen["wide"] <= 0, where
            assert seen["open"] == 0, where
            assert seen["spoken"] == seen["formulas"], where
            if path.name in saved:
                assert seen["alts"] == alts(saved[path.name]), where
                assert seen["folded"] >= 2, where
        formulas += seen["formulas"]
    assert formulas > 500
    context.close()


@BROWSER
def test_the_search_finds_a_theorem_without_a_network(site, browser):
    page = browser.new_page()
    page.goto((site / "search.html").as_uri() + "?q=Liouville")
    page.wait_for_selector("#search-results li a")
    found = page.locator("#search-results li a").evaluate_all(
        "xs => xs.map(x => x.href)"
    )
    assert any("01_energy_landscape" in link for link in found)
    page.close()


@BROWSER
def test_a_click_opens_a_solution_and_others_make_the_page_dark_and_light(
    site, browser
):
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.goto((site / "notebooks" / "01_energy_landscape.html").as_uri())
    solution = page.locator("details", has_text="Solution").first
    solution.locator("summary").click()
    assert solution.get_attribute("open") is not None
    for look in ("dark", "light"):
        page.locator(".theme-switch-button:visible").first.click()
        page.locator(f".theme-change-button[data-mode={look}]:visible").click()
        assert page.evaluate("document.documentElement.dataset.theme") == look
    page.close()
