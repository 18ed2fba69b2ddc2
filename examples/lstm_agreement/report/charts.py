"""Charts as SVG, in the page's own colours, so that they follow light, dark and print."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_LEFT, _WIDTH, _ROW, _TOP = 128, 424, 24, 30


@dataclass(frozen=True)
class Dot:
    """A line of a chart; numbers from 0 to 1.

    Arguments:
        label: what it is about.
        value: measured.
        low: lower end of its interval.
        high: upper end of its interval.
        published: beside it; None where nothing was published.
        untrained: without training; None where that was not measured.
    """

    label: str
    value: float
    low: float
    high: float
    published: float | None = None
    untrained: float | None = None


def dot_chart(title: str, dots: Sequence[Dot], *, grouped: bool = True) -> str:
    """Measured numbers with their intervals, published ones and those without training, line by
    line.

    Arguments:
        title: above it.
        dots: the lines.
        grouped: whether a rule stands between lines whose labels begin with different words.
    """
    height = _TOP + _ROW * len(dots) + 26
    parts = [
        (
            f'<svg class="chart" role="img" aria-label="{escape(title)}" '
            f'viewBox="0 0 {_LEFT + _WIDTH + 52} {height}">'
        ),
        f'<text class="chart-title" x="0" y="14">{escape(title)}</text>',
    ]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x = _x(tick)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{height - 22}"/>')
        parts.append(f'<text class="tick" x="{x}" y="{height - 8}">{tick:g}</text>')
    group = ""
    for i, dot in enumerate(dots):
        y = _TOP + _ROW * (i + 0.5)
        first = dot.label.split(" ")[0]
        if grouped and group and first != group:
            line = y - _ROW / 2
            parts.append(
                f'<line class="rule" x1="0" x2="{_LEFT + _WIDTH}" y1="{line}" y2="{line}"/>'
            )
        group = first
        parts += _line(dot, y)
    return "".join([*parts, "</svg>"])


def _line(dot: Dot, y: float) -> list[str]:
    parts = [f'<text class="label" x="{_LEFT - 12}" y="{y + 4}">{escape(dot.label)}</text>']
    if dot.untrained is not None:
        x = _x(dot.untrained)
        parts.append(f'<line class="untrained" x1="{x}" x2="{x}" y1="{y - 7}" y2="{y + 7}"/>')
    if dot.published is not None:
        x = _x(dot.published)
        points = f"{x},{y - 6} {x + 6},{y} {x},{y + 6} {x - 6},{y}"
        parts.append(f'<polygon class="published" points="{points}"/>')
    parts.append(
        f'<line class="interval" x1="{_x(dot.low)}" x2="{_x(dot.high)}" y1="{y}" y2="{y}"/>'
    )
    parts.append(f'<circle class="measured" cx="{_x(dot.value)}" cy="{y}" r="4.5"/>')
    parts.append(
        f'<text class="value" x="{_LEFT + _WIDTH + 10}" y="{y + 4}">{dot.value:.2f}</text>'
    )
    return parts


def _x(value: float) -> float:
    return round(_LEFT + _WIDTH * min(1.0, max(0.0, value)), 1)


def legend(*, untrained: bool) -> str:
    """What the marks of a chart mean."""
    marks = [
        '<circle class="measured" cx="8" cy="8" r="4.5"/>',
        '<polygon class="published" points="8,2 14,8 8,14 2,8"/>',
        '<line class="untrained" x1="8" x2="8" y1="1" y2="15"/>',
    ]
    names = ["this model, 95% interval", "published (2 x 650 units)", "untrained, mean"]
    shown = list(zip(marks, names, strict=True))[: 3 if untrained else 2]
    items = [f'<span><svg viewBox="0 0 16 16">{mark}</svg>{name}</span>' for mark, name in shown]
    return f'<p class="legend">{"".join(items)}</p>'
