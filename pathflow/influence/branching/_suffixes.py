"""What all endings of paths can do to a beginning: their second moments and their sum.

Let `s` run over all endings of paths from a junction `u`, as cotangents at one point, and

    M_u = sum_s s s^T.

A beginning with the tangent `p` then has `p^T M_u p = sum_s <p, s>^2`: the sum of the squares of
the influences, at that point, of every path that begins so. No single one is larger than its root,

    |chi| <= sum_k |w_k| sqrt(p_k^T M_u(x_k) p_k),

which bounds the unseen paths by what they are in the root of their sum of squares, not by products
of norms. The moments follow from those of the next junctions, `M_u = sum_v J^T M_v J`, one sweep
back from the target. They are kept as factors `F^T F >= M`: rows that are pulled back like any
cotangents, and that stay at most as many as a node has entries.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod

import numpy as np
from threadpoolctl import threadpool_limits

from pathflow.influence.branching._hops import Hop
from pathflow.influence.branching._landscape import Landscape, padded
from pathflow.influence.branching._spill import Spill

# Added to a moment's diagonal, relative to it and per entry of the node, before it is factored:
# more than rounding can take away, so that a factor never falls short of its moment.
_LOADING = 1e-14
# Factors have one of these numbers of rows, or as many as the node has entries.
_LADDER = (1, 32, 256, 1024)
_NORM_ROWS = 64


@dataclass(frozen=True, eq=False)
class Suffixes:
    """All endings of paths from a junction.

    Arguments:
        rows: `(r, [examples,] points, *shape)`: the factor `F`, and in its last row the sum of all
            cotangents.
        cut: `(examples * points,)`: what `F^T F` misses of the moments is at most this times the
            identity.
    """

    rows: np.ndarray
    cut: np.ndarray

    @property
    def factor(self) -> np.ndarray:
        """The factor's rows."""
        return self.rows[:-1]

    @property
    def total(self) -> np.ndarray:
        """The sum over all endings: the derivative of the target."""
        return self.rows[-1]


class AllSuffixes:
    """The endings from every junction of a landscape, found in one sweep back from the target.

    Arguments:
        landscape: the hops with their partials.
        memory: bytes to hold; what is more waits on disk until this is closed, and a factor of more
            than a quarter of it is cut short, which makes bounds wider and nothing wrong.
    """

    def __init__(self, landscape: Landscape, memory: int) -> None:
        self._landscape = landscape
        self._memory = memory
        self._rows = Spill(memory)
        self._cut: dict[int, np.ndarray] = {}
        try:
            # Many small matrices: one thread each and several at a time. Threads that share a small
            # one wait for each other, on a busy machine for most of the time.
            with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor() as pool:
                for u in reversed(landscape.hops.junctions):
                    self._find(u, landscape.hops.after[u], pool)
        except BaseException:
            self.close()
            raise

    def __getitem__(self, junction: int) -> Suffixes:
        return Suffixes(self._rows[junction], self._cut[junction])

    def close(self) -> None:
        """Forgets everything, on disk too."""
        self._rows.close()

    def _find(self, u: int, hops: tuple[Hop, ...], pool: ThreadPoolExecutor) -> None:
        land = self._landscape
        if not hops:
            self._rows[u] = np.ones((2, *land.axes), land.node(u).dtype)
            self._cut[u] = np.zeros(prod(land.axes))
            return
        points, size = prod(land.axes), prod(land.node(u).shape)
        most = max(1, self._memory // (16 * land.entries(u)))
        moments = Moments(points, size, most, pool)
        total: np.ndarray | int = 0
        cut = np.zeros(points)
        for hop in hops:
            pulled = land.pull(hop, self._rows[hop.end])
            total = total + pulled[-1]
            moments.add(pulled[:-1].reshape(len(pulled) - 1, points, size))
            if np.any(self._cut[hop.end]):
                cut = cut + self._cut[hop.end] * squared_norm(land, hop)
        factor = moments.factor()
        rows = np.concatenate([factor.reshape(-1, *np.shape(total)), np.asarray(total)[None]])
        self._rows[u] = rows.astype(land.node(u).dtype)
        self._cut[u] = cut + moments.cut


class Moments:
    """The sum of `rows^T rows` at each point: rows while they are few, a matrix beyond.

    Arguments:
        points, size: of the rows `(r, points, size)`.
        most: rows that a factor may have.
        pool: of threads that take points each.

    Attributes:
        cut: what has been left out at each point, at most this times the identity.
    """

    def __init__(self, points: int, size: int, most: int, pool: ThreadPoolExecutor) -> None:
        self._size, self._most, self._pool = size, most, pool
        self._rows = np.zeros((0, points, size))
        self._matrices: np.ndarray | None = None
        self.cut = np.zeros(points)

    def add(self, rows: np.ndarray) -> None:
        """Adds endings."""
        self._rows = np.concatenate([self._rows, rows]) if len(self._rows) else rows
        if self._matrices is not None or len(self._rows) > self._size <= self._most:
            self._absorb()
        elif len(self._rows) > 2 * self._most:
            self._shorten()

    def _absorb(self) -> None:
        points = self._rows.shape[1]
        if self._matrices is None:
            self._matrices = np.zeros((points, self._size, self._size))
        matrices, rows = self._matrices, self._rows

        def add(k: int) -> None:
            at = rows[:, k].astype(np.float64)
            matrices[k] += at.T @ at

        list(self._pool.map(add, range(points)))
        self._rows = rows[:0]

    def _shorten(self) -> None:
        """Keeps the most important directions."""
        kept = np.zeros((self._most, *self._rows.shape[1:]))
        for k in range(self._rows.shape[1]):
            at = self._rows[:, k].astype(np.float64)
            values, vectors = np.linalg.eigh(at @ at.T)
            kept[:, k] = vectors[:, -self._most :].T @ at
            self.cut[k] += max(0.0, values[-self._most - 1])
        self._rows = kept

    def factor(self) -> np.ndarray:
        """The rows `(r, points, size)`."""
        if self._matrices is not None:
            return _laddered(_factors(self._matrices, self._pool), self._size)
        if len(self._rows) > self._most:
            self._shorten()
        return _laddered(self._rows, self._size)


def _factors(matrices: np.ndarray, pool: ThreadPoolExecutor) -> np.ndarray:
    """Cholesky factors `(size, points, size)` of moments `(points, size, size)`."""
    points, size, _ = matrices.shape
    out, loading = np.zeros((size, points, size)), size * _LOADING * np.eye(size)

    def factor(k: int) -> None:
        diagonal = np.sqrt(matrices[k].diagonal())
        # Scaled entry by entry: those with small influences are as exact as those with large ones.
        scale = np.where(diagonal > 0, diagonal, 1)
        scaled = matrices[k] / scale[:, None] / scale
        out[:, k] = np.linalg.cholesky(scaled + loading).T * diagonal

    list(pool.map(factor, range(points)))
    return out


def _laddered(rows: np.ndarray, size: int) -> np.ndarray:
    """The rows with zeros up to one of few numbers of rows, so that few shapes are compiled."""
    step = next((n for n in _LADDER if n >= len(rows)), len(rows))
    return padded(rows, max(len(rows), min(step, size)))


def squared_norm(landscape: Landscape, hop: Hop) -> np.ndarray:
    """An upper bound on the squared norm of a hop's partial at each point: Frobenius's.

    Rows of the Jacobian that share no column are pulled as one.
    """
    node, points = landscape.node(hop.end), prod(landscape.axes)
    seeds = landscape.structure(hop).transposed.seeds()
    out = np.zeros(points)
    for begin in range(0, len(seeds), _NORM_ROWS):
        part = padded(seeds[begin : begin + _NORM_ROWS].astype(node.dtype), _NORM_ROWS)
        rows = part.reshape(_NORM_ROWS, *(1,) * len(landscape.axes), *node.shape)
        wide = np.broadcast_to(rows, (_NORM_ROWS, *landscape.axes, *node.shape))
        pulled = landscape.pull(hop, wide).reshape(_NORM_ROWS, points, -1).astype(np.float64)
        out += np.square(pulled).sum(axis=(0, 2))
    return out
