"""How Sphinx makes the site; build.py runs it on copies of the notebooks."""

import re

import hnnlib

project, release = "hnnlib", hnnlib.__version__
author = "the hnnlib developers"
copyright = "the hnnlib developers. Code: MIT. Text and figures: CC BY 4.0"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",  # docstrings in Google's style
    "sphinx_copybutton",
]

nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", "image/png", 0)]  # live figures as pictures
nb_ipywidgets_js = {}  # would be loaded from elsewhere
nb_code_prompt_show, nb_code_prompt_hide = "Show code", "Hide code"
myst_dmath_double_inline = True  # $$ may follow a line of text
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True  # their words, not the values on this machine
python_maximum_signature_line_length = 80
copybutton_selector = ".cell_input div.highlight pre, .literal-block-wrapper pre, pre"

html_theme = "sphinx_book_theme"
html_context = {"default_mode": "auto"}  # light or dark, as the reader has it
html_title = "hnnlib · Hamiltonian neural networks"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_sourcelink_suffix = ""  # downloads as .ipynb
html_show_sphinx = False
html_show_search_summary = False  # read by a request, which file:// refuses
html_theme_options = {
    "use_download_button": True,
    "use_fullscreen_button": False,
    "use_repository_button": False,
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "navbar_persistent": [],  # one field to search in is enough
}
mathjax_path = "mathjax/tex-svg-full.js"
mathjax3_config = {"options": {"enableMenu": False}}  # its entries load more files


def as_plain_text(app, what, name, obj, options, lines):
    """Keep Sphinx from reading q * p, |z| and `` right `` as marks of its own."""
    text = re.sub(r"`` *(.*?) *``", r"``\1``", "\n".join(lines))
    parts = re.split(r"(``.*?``)", text, flags=re.S)
    parts[::2] = [re.sub(r"([*|])", r"\\\1", part) for part in parts[::2]]
    lines[:] = "".join(parts).splitlines()


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", as_plain_text)
