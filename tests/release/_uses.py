"""What an installation with one extra must be able to do, as small programs of a user's."""

_BEGIN = """
import jax.numpy as jnp, pathflow as pf

def fn(x):
    a = pf.tag(jnp.tanh(x), "a")
    return pf.tag(a * x, "b").sum()

x = jnp.array([1.0, -2.0])
graph = pf.trace(fn, x)
result = pf.attribute(graph, (x,), source="x", doi=pf.Line(jnp.zeros(2)))
assert result.audit.ok and result.space.count == 2, result
"""

# Every public module can be imported, or says which extra it lacks.
_MODULES = """
import importlib, pkgutil, pathflow
from pathflow import MissingDependencyError
lacking = []
for module in pkgutil.walk_packages(pathflow.__path__, "pathflow."):
    if "._" in module.name:
        continue
    try:
        importlib.import_module(module.name)
    except MissingDependencyError as error:
        assert "pathflow[" in str(error), error
        lacking.append(module.name)
print(len(lacking), "modules need an extra")
"""

_SAVED = """
import tempfile, pathlib
folder = pathlib.Path(tempfile.mkdtemp())
result.save(folder / "run")
assert pf.load(folder / "run").total == result.total
result.save_html(folder / "page.html")
assert (folder / "page.html").stat().st_size > 100_000
"""

CORE = _BEGIN + _SAVED + _MODULES

# The extras of a user, by name; those of who works on pathflow (`test`, `dev`, `docs`, ...) are
# installed by the test suite itself.
EXTRAS = {
    "plot": _BEGIN
    + """
import matplotlib
matplotlib.use("agg")
from pathflow.plot import layered_graph, ranked_paths
ranked_paths(result)
layered_graph(result)
""",
    "table": _BEGIN
    + """
assert len(result.to_pandas()) == 2
""",
    "export": _BEGIN
    + """
import tempfile, pathlib
from pathflow import exports
assert result.to_xarray().sizes["path"] == 2
exports.write_parquet(result, pathlib.Path(tempfile.mkdtemp()) / "paths.parquet")
""",
    "cli": """
import subprocess, sys
done = subprocess.run([sys.executable, "-m", "pathflow", "--help"], capture_output=True, text=True)
assert done.returncode == 0 and "attribute" in done.stdout, done
""",
    "dask": _BEGIN
    + """
from distributed import Client, LocalCluster
with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
    with Client(cluster) as client:
        assert client.get_executor().submit(abs, -2).result() == 2
""",
    "models": """
import tempfile, pathlib
import jax.numpy as jnp
from flax import nnx
import pathflow as pf
from pathflow.models import GRU, ModelCard, load_model, save_model
model = GRU(3, 4, 2, rngs=nnx.Rngs(0))
file = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
save_model(file, model, ModelCard("Untrained"))
read, _ = load_model(file)
assert jnp.array_equal(read(jnp.ones((5, 3))), model(jnp.ones((5, 3))))
""",
}

# The examples that run from an unpacked source distribution, with the smallest settings that show
# that they find what they need; each with the extra that its page names.
EXAMPLES = {
    "induction": ("examples", ["--prompts", "2"]),
    "agreement_encoder": ("examples", ["--sentences", "2"]),
    "digits_cnn": ("examples", ["--images", "2"]),
    "recall": ("examples", ["--sequences", "2"]),
    "shortcut_mlp": ("examples", ["--points", "50"]),
    "lstm_agreement": ("study", ["--tiny", "--sentences", "4", "--accuracy-sentences", "8"]),
}
