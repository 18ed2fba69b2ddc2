"""Sphinx configuration; what goes beyond settings is in `_ext`."""

import importlib.metadata
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "pathflow"
author = "the pathflow authors"
copyright = "the pathflow authors"
release = importlib.metadata.version("pathflow")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "api_links",
    "docstrings",
    "mathml",
    "notebooks",
    "outside",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

html_theme = "furo"
html_title = "pathflow"
html_static_path = ["_static"]
html_css_files = ["pathflow.css"]
html_show_sphinx = False

# Docstrings write code in single backticks.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
python_maximum_signature_line_length = 88
napoleon_custom_sections = ["Sharp edges"]
napoleon_use_rtype = False
