"""Every example in a docstring runs: prompts by doctest, blocks of Python where they belong."""

import ast
import doctest
import importlib
import pkgutil
import re
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest
from flax import nnx

import pathflow as pf
from pathflow import models
from pathflow.models import LSTMLanguageModel, ModelCard

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^([ ]*)```python\n(.*?)^[ ]*```", re.DOTALL | re.MULTILINE)

Names = dict[str, Any]


def modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(pf.__path__, "pathflow.")
    return [
        pf,
        *(importlib.import_module(m.name) for m in found if not m.name.endswith("__main__")),
    ]


def examples() -> dict[str, str]:
    """The blocks, by the file and the name of what they document."""
    blocks = {}
    for file in sorted((ROOT / "pathflow").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                name = f"{file.stem.strip('_')}.{getattr(node, 'name', '')}"
                for indent, block in _BLOCK.findall(ast.get_docstring(node, clean=False) or ""):
                    blocks[name] = textwrap.dedent(indent + block.removeprefix(indent))
    return blocks


EXAMPLES = examples()


def lstm(n_layers: int, words: int, source: str) -> Names:
    """A traced language model, and all paths from a word."""
    model = LSTMLanguageModel(20, 4, 4, n_layers, tied=False, rngs=nnx.Rngs(0))
    tokens = jnp.arange(words) + 3
    qoi, line = pf.LogitDifference(3, 5), pf.Line(jnp.zeros(4), n_steps=2)
    graph = pf.trace(model, tokens, qoi=qoi)
    names = {"model": model, "tokens": tokens, "x": tokens, "y": tokens + 1, "qoi": qoi}
    names |= {
        "graph": graph,
        "args": (tokens,),
        "doi": line,
        "xs": jnp.stack([tokens, tokens + 1]),
    }
    names["result"] = pf.attribute(graph, (tokens,), source=source, doi=line)
    names["path"] = names["result"].top(1)[0].path
    return names


def plain() -> Names:
    """A function of an array."""

    def model(x):
        h = pf.tag(jnp.tanh(jnp.eye(6, 3) @ x), "h")
        c = pf.tag(jax.nn.sigmoid(h) * h, "c1")
        return jax.lax.cond(x[0] > 0, lambda c: pf.tag(2 * c, "double"), lambda c: c, c)

    x = jnp.array([0.5, -1.0, 2.0])
    names = {"model": model, "fn": model, "x": x, "xs": jnp.stack([x, 2 * x]), "w": jnp.eye(3)}
    graph = pf.trace(model, x, qoi=pf.LogitDifference(1, 2))
    names |= {"graph": graph, "args": (x,), "doi": pf.Point(), "direction": jnp.ones(6)}
    names["result"] = pf.attribute(graph, (x,), source="x", doi=pf.Point())
    return names


def batch() -> Names:
    names = plain()
    names["result"] = pf.attribute(
        names["graph"], (names["xs"],), source="x", doi=pf.Point(), in_axes=0
    )
    return names


def batches() -> Names:
    names = lstm(1, 3, "x@2")
    return names | {"batches": [(names["xs"],)]}


def drawn() -> Names:
    """A graph with loops, its result, and the figures' package imported."""
    importlib.import_module("pathflow.plot")
    names = lstm(2, 3, "x@0")
    names["args"] = (names["tokens"],)
    return names


def exported() -> Names:
    names = lstm(1, 3, "x@0")
    return names | {"exports": importlib.import_module("pathflow.exports"), "pandas": pd}


def problem() -> Names:
    return plain() | {"Problem": importlib.import_module("pathflow.cli").Problem}


def conditions() -> Names:
    result = plain()["result"]
    return {"singular": result, "attracted": result}


def written() -> Names:
    """A run in the folder that the example opens."""
    names = plain()
    pf.attribute(
        names["graph"],
        (names["x"],),
        source="x",
        doi=names["doi"],
        search=pf.EnumerateTo("runs/primary"),
    )
    return names | {"histogram": np.zeros(4), "bins": np.linspace(-1, 1, 5)}


def shards() -> Names:
    """The shards that the example joins."""
    names = plain()
    question = {"source": "x", "doi": names["doi"]}
    for index in range(2):
        search = pf.EnumerateTo("runs/primary", shard=pf.Shard(index, 2))
        pf.attribute(names["graph"], (names["x"],), **question, search=search)
    return names


def linen() -> Names:
    class Network(nn.Module):
        @nn.compact
        def __call__(self, x):
            for i in range(2):
                x = jnp.tanh(nn.Dense(3, name=f"blocks.{i}")(x))
            return x.sum()

    class Reader(nn.Module):
        @nn.compact
        def __call__(self, words):
            cell = nn.OptimizedLSTMCell(3, name="lstm")
            return nn.RNN(cell, name="rnn")(words)[-1].sum()

    x, words = jnp.ones(3), jnp.ones((2, 3))
    model = Network()
    return {
        "model": model,
        "x": x,
        "words": words,
        "reader": Reader(),
        "variables": model.init(jax.random.key(0), x),
    }


def recurrent() -> Names:
    names = linen()
    model = names["reader"]
    return names | {"model": model, "variables": model.init(jax.random.key(0), names["words"])}


def transformer() -> Names:
    model = models.TransformerDecoder(20, 8, 2, 1, 8, models.LearnedPositions(4), rngs=nnx.Rngs(0))
    return {"model": model, "tokens": jnp.array([1, 2, 3])}


def training() -> Names:
    model = models.MLP(2, (3,), 2, rngs=nnx.Rngs(0))
    inputs = np.ones((64, 2), np.float32)
    return {"model": model, "inputs": inputs, "labels": np.zeros(64, np.int32)}


def corpus() -> Names:
    vocabulary = models.Vocabulary(("<unk>", "<eos>", "a", "b"))
    model = LSTMLanguageModel(4, 3, 3, 1, tied=False, rngs=nnx.Rngs(0))
    return {"vocabulary": vocabulary, "model": model, "words": np.array([2, 3, 1] * 600)}


# What the examples leave out because it is the reader's: a model, its arguments, a result.
WHERE: dict[str, Callable[[], Names]] = {
    "curves.faithfulness_curve": drawn,
    "enumerate_to.EnumerateTo": plain,
    "graph.to_networkx": exported,
    "gru_lm.GRULanguageModel": dict,
    "heatmap.unit_heatmap": drawn,
    "html.save_html": conditions,
    "parquet.write_parquet": exported,
    "predict.predict_memory": lambda: {
        "model": lambda x: pf.tag(jnp.tanh(x), "h"),
        "x": jnp.ones(6),
    },
    "problem.Problem": lambda: (
        plain() | {"Problem": importlib.import_module("pathflow.cli").Problem}
    ),
    "ranked.ranked_paths": drawn,
    "run.Run": written,
    "storable.load": plain,
    "aggregate.Aggregate": lambda: lstm(2, 3, "x@0"),
    "attribute.attribute": plain,
    "concentration.concentrations": batch,
    "conductance.Conductance": lambda: lstm(2, 3, "x@0"),
    "dependence.sparsity_rule": dict,
    "devices.Devices": dict,
    "do.do": lambda: lstm(2, 3, "x@0"),
    "faithfulness.faithfulness": plain,
    "fit.fit": training,
    "flows.edge_influences": lambda: lstm(2, 4, "x@0"),
    "flows.node_influences": lambda: lstm(2, 4, "x@0"),
    "greedy.Greedy": plain,
    "intervention.Apply": plain,
    "layered.layered_graph": lambda: lstm(2, 2, "x@0"),
    "lstm.LSTMLanguageModel": dict,
    "merge.merge": shards,
    "mlp.MLP": dict,
    "elman.ElmanRNN": dict,
    "gru.GRU": dict,
    "cnn.CNN": dict,
    "model_file.save_model": dict,
    "ranked.Ranked": lambda: lstm(2, 3, "x@0"),
    "recipe.CellRecipe": dict,
    "reference.AbstractReferenceModel": dict,
    "refine.Refine": lambda: lstm(2, 3, "x@1"),
    "refine.refine": lambda: lstm(2, 3, "x@1"),
    "run_shards.run_shards": lambda: plain() | {"ThreadPoolExecutor": ThreadPoolExecutor},
    "sample.Sample": lambda: lstm(2, 3, "x@0"),
    "sampled.Sampled": lambda: lstm(1, 1, "x@0"),
    "select_modules.gates": recurrent,
    "select_modules.modules": linen,
    "select_nodes.by": linen,
    "select_nodes.primitives": plain,
    "select_nodes.tagged": plain,
    "statistics.PathStatistics": batches,
    "streamed.aggregate": lambda: lstm(2, 6, "x@0"),
    "streamed_conductance.conductance": lambda: lstm(2, 4, "x@0"),
    "streaming.Streaming": dict,
    "tag.tag": plain,
    "topk.Above": lambda: lstm(2, 3, "x@0"),
    "topk.TopK": lambda: lstm(2, 3, "x@0"),
    "trace.retrace": plain,
    "trace.structure": lambda: lstm(1, 2, "x@0"),
    "trace.TracedGraph": plain,
    "train.train": corpus,
    "transformer.TransformerDecoder": lambda: {"tokens": jnp.array([17, 4, 250])},
    "transformer.TransformerEncoder": dict,
    "transformer_nodes.residual_writers": transformer,
}
# Files of others, which the project does not have.
FILES = {"gpt2.load_gpt2", "torch_lm.load_torch_lm"}


def test_every_example_is_run_somewhere():
    assert set(EXAMPLES) == set(WHERE) | FILES


@pytest.mark.parametrize("name", sorted(WHERE))
def test_blocks_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"pf": pf, "jax": jax, "jnp": jnp, "np": np, "nn": nn, "nnx": nnx, "optax": optax}
    names |= {n: getattr(models, n) for n in dir(models) if not n.startswith("_")}
    names |= {"ModelCard": ModelCard, "CellRecipe": pf.tracing.CellRecipe}
    names |= {"layered_graph": importlib.import_module("pathflow.plot").layered_graph}
    # Fewer steps of training do.
    code = EXAMPLES[name].replace("steps=1000", "steps=2").replace("steps=6000", "steps=2")
    # As users have it: the other tests run in float64.
    with jax.enable_x64(False):
        names |= WHERE[name]()
        exec(compile(code, name, "exec"), names)  # noqa: S102


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.__name__)
def test_prompts_give_what_they_say(module):
    assert doctest.testmod(module).failed == 0


def test_there_are_prompts():
    assert sum(doctest.testmod(module).attempted for module in modules()) >= 5
