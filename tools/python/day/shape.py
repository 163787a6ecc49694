"""How busy a day is, hour by hour: as a recorded trace has it, or made up."""

import csv
import math
from datetime import datetime
from pathlib import Path

PARTS = 24  # an hour each


def of_trace(path: Path) -> list[float]:
    """The requests of equal parts of a trace, whose whole length becomes the day."""
    with path.open(newline="") as file:
        times = []
        for row in csv.DictReader(file):
            day, _, fraction = row["TIMESTAMP"].partition(".")
            whole = datetime.strptime(day, "%Y-%m-%d %H:%M:%S").timestamp()
            times.append(whole + float(f"0.{fraction or 0}"))
    first, last = min(times), max(times)
    if last <= first:
        raise ValueError(f"{path} has no length")
    parts = [0.0] * PARTS
    for time in times:
        parts[min(int((time - first) / (last - first) * PARTS), PARTS - 1)] += 1
    return parts


def made_up() -> list[float]:
    """Quiet at night, a peak before noon and one after lunch, agents all day."""

    def rate(hour: float) -> float:
        people = math.exp(-(((hour - 10.5) / 2) ** 2)) + 0.9 * math.exp(-(((hour - 15) / 2.2) ** 2))
        return 0.25 + people

    return [rate((part + 0.5) * 24 / PARTS) for part in range(PARTS)]


def busy_moments(weights: list[float], count: int) -> list[float]:
    """The day cut into `count` equal spans: a moment of each when it is busiest, as shares of the
    day. What happens in a quiet hour shows nothing."""
    moments = []
    for i in range(count):
        first, end = i * len(weights) // count, (i + 1) * len(weights) // count
        busiest = max(range(first, max(end, first + 1)), key=lambda part: weights[part])
        moments.append((busiest + 0.3) / len(weights))
    return moments


def find(testdata: str | None) -> tuple[str, list[float]]:
    """What it is, and its weights."""
    traces = sorted(Path(testdata, "traces").glob("*.csv")) if testdata else []
    if traces:
        return f"trace {traces[0].name}", of_trace(traces[0])
    return "made up", made_up()
