"""Pages are notebooks whose cells are ordinary blocks of Python, so that they can be read as files.

Every `python` block of a page is run when the documentation is built, in one kernel for each page,
and what it prints, draws or ends with is shown under it. An error, and anything on the standard
error stream, ends the build.
"""

import hashlib
import logging
import os
from pathlib import Path

import jax
from sphinx.application import Sphinx
from sphinx.config import Config

_PROFILE = """\
c = get_config()
c.IPKernelApp.log_level = "ERROR"
c.HistoryManager.enabled = False
"""

# Figures are made without pyplot, which is what teaches a kernel to show them.
_STARTUP = """\
def _svg(figure):
    import io

    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight")
    return text.getvalue()


_formatter = get_ipython().display_formatter.formatters["image/svg+xml"]
_formatter.for_type_by_name("matplotlib.figure", "Figure", _svg)
"""


def fingerprint(package: Path) -> str:
    """What the outputs of a page depend on besides the page: the package and JAX."""
    digest = hashlib.sha256((jax.__version__ + _STARTUP).encode())
    for file in sorted(package.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def configure(app: Sphinx, config: Config) -> None:
    """Tells myst-nb which blocks are cells, and what the kernels find."""
    docs = Path(app.srcdir)
    build = docs / "_build"
    reader = (
        "myst_nb.core.read.read_myst_markdown_notebook",
        {"code_directive": "python", "add_source_map": True},
        False,
    )
    config.nb_custom_formats = {".md": reader}
    config.nb_execution_excludepatterns = [
        str(page) for page in docs.rglob("*.md") if "\n```python\n" not in page.read_text()
    ]
    config.nb_execution_mode = "cache"
    config.nb_execution_cache_path = str(build / "cache" / fingerprint(docs.parent / "pathflow"))
    config.nb_execution_timeout = 300
    config.nb_execution_raise_on_error = True
    config.nb_execution_show_tb = True
    config.nb_execution_in_temp = True
    config.nb_output_stderr = "error"
    config.nb_merge_streams = True

    profile = build / "ipython" / "profile_default"
    (profile / "startup").mkdir(parents=True, exist_ok=True)
    (profile / "startup" / "figures.py").write_text(_STARTUP)
    (profile / "ipython_kernel_config.py").write_text(_PROFILE)
    os.environ["IPYTHONDIR"] = str(profile.parent)
    # No search for an accelerator, and this checkout whatever is installed.
    os.environ["JAX_PLATFORMS"] = "cpu"
    # Pages share small models, and so what is compiled for them.
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(build / "compiled")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    paths = [str(docs.parent), os.environ.get("PYTHONPATH")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    logging.getLogger("traitlets").setLevel(logging.WARNING)


def setup(app: Sphinx) -> dict[str, bool]:
    # Before myst-nb reads the settings.
    app.connect("config-inited", configure, priority=1)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
