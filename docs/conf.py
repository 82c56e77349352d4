"""The site: every page of this folder, and a reference made of docstrings while it is built.

sphinx-build -W -b html docs build/docs
"""

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import reference
from pygments.lexers.special import TextLexer

project = "Addend"
author = "the authors of Addend"
copyright = "the authors of Addend"
version = release = installed("addend")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_custom_sections = [("Class attributes", "params_style")]
autodoc_inherit_docstrings = False  # of torch

html_theme = "furo"
html_title = f"Addend {version}"
html_show_sphinx = False
html_copy_source = False
pygments_style = "tango"
highlight_language = "none"  # blocks of docstrings are formulas


def setup(app):
    """Write the pages of the reference, and let docstrings be read as what they are."""
    app.add_lexer("rooms", TextLexer)
    reference.write(Path(app.srcdir) / "reference")
    app.connect("autodoc-process-docstring", reference.to_rst, priority=100)
