"""Which of a transformer's values are nodes.

The transformers tag every value that is worth naming. How fine a graph is, is the choice of its
reader and not of the model: each function below is a selector for `pathflow.trace(nodes=...)`, and
`|` joins them. With `L` layers of `H` heads and a perceptron, from `embed` to `logits`:

- `residual_writers()`: `L (H + 1) + 2` nodes; edges between all pairs but the heads of one layer;
  `(2 (1 + H)) ** L` paths. Twelve layers of twelve heads have 158 nodes and 11,611 edges.
- `residual_writers(heads=False)`: `2 L + 2` nodes, edges between all pairs, `4 ** L` paths.
- `residual_sums()`: a chain of `2 L + 2` nodes, with one path.
- `residual_writers() | residual_sums()`: `L (H + 3) + 2` nodes, `L (2 H + 4) + 1` edges, and the
  paths of the writers alone.
- `residual_writers() | attention_parts()`: `L (5 H + 1) + 2` nodes, `(2 (1 + 3 H)) ** L` paths.

Writers alone and writers with sums have the same paths under other names, since a sum that is no
node is passed through. Their costs differ: among writers alone each node reads all before it.
"""

from pathflow.tracing import Tagged, tagged


def residual_writers(*, heads: bool = True) -> Tagged:
    """What is added to the residual stream: `embed`, every head (`l3.h5`), every perceptron
    (`l3.mlp`); and `logits`, which reads it.

    Arguments:
        heads: whether each head is a node, or the attention of a layer as a whole (`l3.attn`).

    Example:
        ```python
        graph = pf.trace(model, tokens, nodes=residual_writers())
        graph.count_paths("embed", "logits")
        ```
    """
    return tagged("embed", "l*.h*" if heads else "l*.attn", "l*.mlp", "logits")


def residual_sums() -> Tagged:
    """The residual stream itself: `embed`, and what it is after every attention (`l3.mid`) and
    every perceptron (`l3.out`); and `logits`, which reads it.

    Joined to the writers, it makes a graph of the same paths with far fewer edges.
    """
    return tagged("embed", "l*.mid", "l*.out", "logits")


def attention_parts() -> Tagged:
    """What a head is made of: queries, keys, values (`l3.q5`, `l3.k5`, `l3.v5`) and the pattern
    (`l3.a5`).
    """
    return tagged("l*.q*", "l*.k*", "l*.v*", "l*.a[0-9]*")


def mlp_neurons() -> Tagged:
    """The hidden layers of the perceptrons (`l3.neurons`), to be split into neurons."""
    return tagged("l*.neurons")
