"""A span of time as SVG: what came of Reserve above, its latency below, events across."""

import html
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from . import timeline

# Stacked from below.
OUTCOMES = {
    "allowed": "#059669",
    "refused": "#93c5fd",
    "outage": "#d97706",
    "failed": "#dc2626",
}
PERCENTILES = {"p50": (0.5, "#2563eb"), "p99": (0.99, "#7c3aed")}
LOW_US, HIGH_US = 100, 10_000_000
GRID_US = {
    100: "0.1 ms",
    1_000: "1 ms",
    10_000: "10 ms",
    100_000: "0.1 s",
    1_000_000: "1 s",
    10_000_000: "10 s",
}


@dataclass
class Size:
    left: int  # for what stands at the axes
    width: int
    rates: int  # heights
    latencies: int
    labels: int  # rows of events' names
    gap: int = 24

    @property
    def top(self) -> int:
        """Of latencies."""
        return self.rates + self.gap

    @property
    def bottom(self) -> int:
        return self.top + self.latencies

    @property
    def right(self) -> int:
        return self.left + self.width


@dataclass
class Point:
    """Equal parts of the time."""

    begin_ms: float
    end_ms: float
    rates: Counter  # a second, by outcome
    us: Counter


def points(slices: list[dict], begin_ms: float, end_ms: float, most: int) -> list[Point]:
    """`most` at most, each of whole slices."""
    of_each = max(1, math.ceil((end_ms - begin_ms) / timeline.SLICE_MS / most)) * timeline.SLICE_MS
    found: dict[int, Point] = {}
    for i in range(math.ceil((end_ms - begin_ms) / of_each)):
        begin = begin_ms + i * of_each
        found[i] = Point(begin, min(begin + of_each, end_ms), Counter(), Counter())
    for each in slices:
        point = found.get(int((each["start_ms"] - begin_ms) // of_each))
        if point is None:
            continue
        calls = each.get("reserve", {})
        for outcome in OUTCOMES:
            point.rates[outcome] += calls.get(outcome, 0) * 1e3 / (point.end_ms - point.begin_ms)
        point.us.update(dict(calls.get("us", [])))
    return list(found.values())


def _line(size: Size, y: float) -> str:
    return f'<line class="grid" x1="{size.left}" x2="{size.right}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _at_axis(size: Size, y: float, text: str) -> str:
    return f'<text x="{size.left - 6}" y="{y:.1f}" text-anchor="end">{text}</text>'


def _events(size: Size, events: list[dict], x_of: Callable[[float], float]) -> list[str]:
    out = []
    for i, event in enumerate(events):
        x, right = x_of(event["start_ms"]), x_of(event["end_ms"])
        out.append(
            f'<rect class="event" x="{x:.1f}" width="{max(right - x, 1):.1f}" y="0" height="{size.bottom}"/>'
        )
        if size.labels:
            # Where there is no room to the right, to the left.
            anchor = ' text-anchor="end"' if x > size.left + size.width * 0.85 else ""
            y = size.bottom + 16 + 14 * (i % size.labels)
            out.append(f'<text x="{x:.1f}" y="{y}"{anchor}>{html.escape(event["name"])}</text>')
    return out


def _rates(size: Size, parts: list[Point], most: float, x_of: Callable[[float], float]) -> list[str]:
    out = []
    for tick in (0, 0.5, 1):
        y = size.rates * (1 - tick)
        out += [_line(size, y), _at_axis(size, y + 10 * tick, f"{most * tick:,.0f}/s")]
    below = [0.0] * len(parts)
    for outcome, colour in OUTCOMES.items():
        above = [b + part.rates[outcome] for b, part in zip(below, parts)]

        def edge(values: list[float]) -> list[str]:
            return [
                f"{x_of(at):.1f},{size.rates * (1 - min(value / most, 1)):.1f}"
                for part, value in zip(parts, values)
                for at in (part.begin_ms, part.end_ms)
            ]

        path = " ".join(edge(above) + edge(below)[::-1])
        out.append(f'<polygon fill="{colour}" points="{path}"><title>{outcome}</title></polygon>')
        below = above
    return out


def _latencies(size: Size, parts: list[Point], x_of: Callable[[float], float]) -> list[str]:
    def y_of(us: float) -> float:
        share = math.log(max(us, LOW_US) / LOW_US) / math.log(HIGH_US / LOW_US)
        return size.top + size.latencies * (1 - min(share, 1))

    out = []
    for us, text in GRID_US.items():
        out += [_line(size, y_of(us)), _at_axis(size, y_of(us) + 4, text)]
    for name, (share, colour) in PERCENTILES.items():
        line = " ".join(
            f"{x_of((part.begin_ms + part.end_ms) / 2):.1f},{y_of(timeline.percentile(part.us, share)):.1f}"
            for part in parts if part.us
        )  # fmt: skip
        out.append(
            f'<polyline fill="none" stroke="{colour}" points="{line}"><title>{name}</title></polyline>'
        )
    return out


def svg(size: Size, slices: list[dict], events: list[dict], begin_ms: float, end_ms: float) -> str:
    def x_of(at_ms: float) -> float:
        share = (at_ms - begin_ms) / (end_ms - begin_ms)
        return size.left + size.width * min(max(share, 0), 1)

    parts = points(slices, begin_ms, end_ms, size.width // 4)
    most = max((sum(part.rates.values()) for part in parts), default=0) or 1
    box = f"0 -6 {size.right + 10} {size.bottom + 12 + 14 * size.labels}"
    out = [f'<svg viewBox="{box}" width="100%">', *_events(size, events, x_of)]
    out += [*_rates(size, parts, most, x_of), *_latencies(size, parts, x_of), "</svg>"]
    return "\n".join(out)
