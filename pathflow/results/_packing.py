"""Results as plain values, arrays and graphs, and back, each exactly as it was.

A value of a class that is registered here becomes its fields. Numbers are kept to the last bit:
floating ones as hexadecimal text, integers of any size, arrays in files.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any

import jax
import numpy as np

from pathflow._errors import StorageError
from pathflow.graph import Graph, Node, PathSpace

from ._field import TEXT, Field

_INT = 2**62
# Longer tuples of integers, such as ranks, are kept as arrays of bytes.
_FEW = 8


@dataclass(frozen=True)
class _Kind:
    tag: str
    fields: Mapping[str, Field]
    build: Callable[..., Any]
    check: Callable[[Any], None] | None


_KINDS: dict[type, _Kind] = {}
_BUILD: dict[str, _Kind] = {}


def register_stored(
    tag: str,
    cls: type,
    fields: Mapping[str, Field],
    build: Any = None,
    check: Callable[[Any], None] | None = None,
) -> None:
    """Lets objects of a class be saved and loaded.

    Arguments:
        tag: the class in files.
        cls: the class.
        fields: the attributes that make up an object, each with what it must be.
        build: makes an object from them, by position; the class itself by default.
        check: raises an error where the fields of an object that was loaded do not fit together.
    """
    _KINDS[cls] = _BUILD[tag] = _Kind(tag, dict(fields), build or cls, check)


def kind_of(cls: type) -> str | None:
    """The tag of a class, or None."""
    return _KINDS[cls].tag if cls in _KINDS else None


@dataclass
class Packed:
    """What a result is made of.

    Arguments:
        value: the result, as JSON.
        arrays: by name.
        graphs: by name, as node-link JSON.
    """

    value: Any = None
    arrays: dict[str, np.ndarray] = default(default_factory=dict)
    graphs: dict[str, dict[str, Any]] = default(default_factory=dict)


def packed(result: Any) -> Packed:
    """A result as plain values, arrays and graphs.

    Raises:
        StorageError: it holds something that cannot be saved.
    """
    out = Packed()
    out.value = _Packer(out).pack(result, "")
    return out


class _Packer:
    def __init__(self, out: Packed) -> None:
        self._out = out
        self._spaces: list[tuple[PathSpace, str]] = []

    def pack(self, value: Any, at: str) -> Any:
        """JSON for a value that is found at a place, a dotted name."""
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int):
            return value if abs(value) < _INT else {"int": hex(value)}
        if isinstance(value, float) and not isinstance(value, np.generic):
            return {"float": value.hex()}
        if isinstance(value, np.generic | np.ndarray | jax.Array):
            return self._array(value, at)
        if isinstance(value, PathSpace):
            return self._space(value)
        if type(value) in _KINDS:
            kind = _KINDS[type(value)]
            inside = f"{at}." if at else ""
            of = {f: self.pack(getattr(value, f), f"{inside}{f}") for f in kind.fields}
            return {"is": kind.tag, "of": of}
        return self._several(value, at)

    def _array(self, value: Any, at: str) -> Any:
        if isinstance(value, np.generic):
            return {"scalar": value.dtype.name, "bytes": value.tobytes().hex()}
        self._out.arrays[at] = np.asarray(value)
        return {"array": at}

    def _several(self, value: Any, at: str) -> Any:
        if isinstance(value, Mapping):
            if all(isinstance(key, str) for key in value):
                return {"json": json.loads(json.dumps(value))}
            pairs = enumerate(value.items())
            return {"map": [[self.pack(k, at), self.pack(v, f"{at}.{i}")] for i, (k, v) in pairs]}
        if isinstance(value, frozenset):
            return {"set": sorted(value)}
        if isinstance(value, tuple):
            return self._tuple(value, at)
        raise StorageError(
            f"{at} is a {type(value).__name__}, which a run directory cannot hold exactly."
        )

    def _tuple(self, value: tuple[Any, ...], at: str) -> Any:
        if value and all(isinstance(v, Node) for v in value):
            return {"nodes": self._graph(value, ())}
        if value and all(_is_edge(v) for v in value):
            return {"edges": self._edges(value)}
        if len(value) > _FEW and all(type(v) is int and v >= 0 for v in value):
            self._out.arrays[at] = _bytes_of(value)
            return {"integers": at}
        return {"tuple": [self.pack(v, f"{at}.{i}") for i, v in enumerate(value)]}

    def _space(self, space: PathSpace) -> Any:
        name = next((name for known, name in self._spaces if known == space), None)
        if name is None:
            name = self._graph(space.graph_nodes, space.edges)
            self._spaces.append((space, name))
        at = {node: i for i, node in enumerate(space.graph_nodes)}
        return {
            "space": name,
            "sources": [at[s] for s in space.sources],
            "target": at[space.target],
        }

    def _graph(self, nodes: Iterable[Node], edges: Iterable[tuple[Node, Node]]) -> str:
        graphs = self._out.graphs
        name = f"graph{len(graphs) or ''}"
        graphs[name] = node_link(nodes, edges)
        return name

    def _edges(self, edges: tuple[tuple[Node, Node], ...]) -> str:
        # Beside the nodes that are kept already, if they are among those.
        ends = {str(n) for edge in edges for n in edge}
        for name, graph in self._out.graphs.items():
            if not graph["edges"] and ends <= {n["id"] for n in graph["nodes"]}:
                graph["edges"] = _links(edges)
                return name
        return self._graph(dict.fromkeys(n for edge in edges for n in edge), edges)


def node_link(nodes: Iterable[Node], edges: Iterable[tuple[Node, Node]]) -> dict[str, Any]:
    """Nodes and edges in the JSON that `networkx.node_link_graph` reads."""
    return {
        "directed": True,
        "multigraph": False,
        "graph": {},
        "nodes": [
            {"id": str(n), "name": n.name, "index": n.index, "shape": n.shape, "dtype": n.dtype}
            for n in nodes
        ],
        "edges": _links(edges),
    }


def _links(edges: Iterable[tuple[Node, Node]]) -> list[dict[str, str]]:
    return [{"source": str(u), "target": str(v)} for u, v in edges]


def _is_edge(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(n, Node) for n in value)


def _bytes_of(values: tuple[int, ...]) -> np.ndarray:
    width = max(1, max(v.bit_length() + 7 for v in values) // 8)
    raw = b"".join(v.to_bytes(width, "big") for v in values)
    return np.frombuffer(raw, np.uint8).reshape(len(values), width)


def _node(facts: Mapping[str, Any]) -> Node:
    name, dtype = facts["name"], facts["dtype"]
    TEXT.check("a node's name", name)
    TEXT.check("a node's dtype", dtype)
    return Node(name, tuple(facts["index"]), tuple(facts["shape"]), dtype)


def unpacked(
    value: Any, array: Callable[[str], np.ndarray], graphs: Mapping[str, Mapping[str, Any]]
) -> Any:
    """The result that was packed.

    Arguments:
        value: its JSON.
        array: finds an array by its name.
        graphs: by name.

    Raises:
        PathflowError, TypeError, ValueError, KeyError, AttributeError, IndexError: the JSON is none
            that `packed` makes.
    """
    return _Unpacker(array, graphs).unpack(value)


class _Unpacker:
    def __init__(self, array: Callable[[str], np.ndarray], graphs: Mapping[str, Any]) -> None:
        self._array, self._graphs = array, graphs
        self._nodes: dict[str, tuple[Node, ...]] = {}
        self._spaces: dict[tuple[Any, ...], PathSpace] = {}

    def unpack(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | str | int):
            return value
        if not isinstance(value, dict):
            raise StorageError(f"{type(value).__name__} stands where a value is expected.")
        ((tag, content),) = {k: v for k, v in value.items() if k in _READERS}.items()
        return _READERS[tag](self, content, value)

    def nodes(self, name: str) -> tuple[Node, ...]:
        if name not in self._nodes:
            self._nodes[name] = tuple(map(_node, self._graphs[name]["nodes"]))
        return self._nodes[name]

    def edges(self, name: str) -> tuple[tuple[Node, Node], ...]:
        of = {str(n): n for n in self.nodes(name)}
        return tuple((of[e["source"]], of[e["target"]]) for e in self._graphs[name]["edges"])

    def several(self, content: Any, _: Any) -> Any:
        return tuple(map(self.unpack, content))

    def mapping(self, content: Any, _: Any) -> Any:
        return {self.unpack(k): self.unpack(v) for k, v in content}

    def read_array(self, content: Any, _: Any) -> Any:
        return self._array(content)

    def integers(self, content: Any, _: Any) -> Any:
        return tuple(int.from_bytes(row.tobytes(), "big") for row in self._array(content))

    def scalar(self, content: Any, value: Any) -> Any:
        dtype = np.dtype(content)
        if dtype.kind == "O":
            raise StorageError("a scalar is an object.")
        return np.frombuffer(bytes.fromhex(value["bytes"]), dtype)[0]

    def instance(self, content: Any, value: Any) -> Any:
        kind = _BUILD[content]
        values = {name: self.unpack(value["of"][name]) for name in kind.fields}
        for name, field in kind.fields.items():
            field.check(f"{content}.{name}", values[name])
        result = kind.build(*values.values())
        if kind.check is not None:
            kind.check(result)
        return result

    def space(self, content: Any, value: Any) -> Any:
        key = (content, tuple(value["sources"]), value["target"])
        if key not in self._spaces:
            nodes = self.nodes(content)
            graph = Graph(nodes, self.edges(content))
            sources = tuple(nodes[i] for i in value["sources"])
            self._spaces[key] = graph.paths(sources, nodes[value["target"]])
        return self._spaces[key]


_READERS: dict[str, Callable[[_Unpacker, Any, Any], Any]] = {
    "int": lambda _, content, __: int(content, 16),
    "float": lambda _, content, __: float.fromhex(content),
    "scalar": _Unpacker.scalar,
    "array": _Unpacker.read_array,
    "integers": _Unpacker.integers,
    "tuple": _Unpacker.several,
    "set": lambda _, content, __: frozenset(content),
    "json": lambda _, content, __: dict(content),
    "map": _Unpacker.mapping,
    "nodes": lambda self, content, _: self.nodes(content),
    "edges": lambda self, content, _: self.edges(content),
    "space": _Unpacker.space,
    "is": _Unpacker.instance,
}
