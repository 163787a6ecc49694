"""From what was seen to what one request, one counter, one million takes. No processes here."""

from .databases import Sizes
from .redis import Kinds

MILLION = 1_000_000
# Of Redis' keys: what goes by itself, or when the ledger has it.
PASSING = ("r", "ended", "o", "x")
# What each charge adds to; sums by hour and day grow with people and hours.
PER_CHARGE = ("keys", "entries")


def difference(before: dict, after: dict) -> dict:
    """Of what both have."""
    return {name: after[name] - before[name] for name in after if name in before}


def per_request_us(
    cpu_s: dict[str, float], idle_cores: dict[str, float], elapsed_s: float, requests: int
) -> dict[str, float]:
    """Without what each would have used with nothing to do."""
    return {
        role: max(0.0, used - idle_cores.get(role, 0.0) * elapsed_s) / requests * 1e6
        for role, used in cpu_s.items()
    }


def per_core(us: float) -> float:
    """Requests a second."""
    return 1e6 / us if us > 0 else 0.0


def _mean(kinds: Kinds, kind: str, count: str = "keys") -> float:
    seen = kinds.get(kind)
    return seen["bytes"] / seen[count] if seen and seen[count] else 0.0


def bytes_of(kinds: Kinds) -> int:
    return sum(seen["bytes"] for seen in kinds.values())


def redis_bytes(charged: Kinds, opened: Kinds) -> dict[str, float]:
    """Each, by MEMORY USAGE. `charged`: requests have ended, and nobody took what waits for the
    ledger; `opened`: some are under way."""
    calendar = _mean(charged, "c") + _mean(charged, "g", "members")
    return {
        "calendar_counter": calendar,
        "sliding_counter": calendar + _mean(charged, "w"),
        "open_reservation": _mean(opened, "r") + _mean(opened, "x", "members"),
        "ended_reservation": _mean(charged, "ended"),
        "waiting_charge": _mean(charged, "o", "members"),
    }


def unexplained(kinds_before: Kinds, kinds_after: Kinds, used_growth: int) -> float:
    """What used_memory has grown by above the keys' own bytes, as a share of these: tables of keys and
    of times to live."""
    grown = bytes_of(kinds_after) - bytes_of(kinds_before)
    return used_growth / grown - 1 if grown > 0 else 0.0


def staying(kinds: Kinds) -> int:
    """Bytes of what does not go: counters."""
    return sum(seen["bytes"] for kind, seen in kinds.items() if kind not in PASSING)


def per_million(before: float, after: float, requests: int) -> float:
    return (after - before) / requests * MILLION


def database_growth(marks: list[Sizes], requests: list[int]) -> dict:
    """Of equal steps: what the last one added per million requests, and the same of the first; of sums,
    the rows that a person has in each hour or day. `marks` are one more than steps."""

    def step(i: int, name: str, what: str) -> float:
        return per_million(marks[i][name][what], marks[i + 1][name][what], requests[i])

    last = len(requests) - 1
    growth: dict = {
        name: {what: step(last, name, what) for what in ("table", "index", "rows")}
        for name in PER_CHARGE
    }
    totals = [
        sum(step(i, name, what) for name in PER_CHARGE for what in ("table", "index"))
        for i in (0, last)
    ]
    growth["bytes_per_million"] = totals[1]
    growth["first_bytes_per_million"] = totals[0]
    for name in ("hours", "days"):
        sums = marks[-1][name]
        bytes_ = sums["table"] + sums["index"]
        growth[name] = {
            "rows_per_person": sums["rows"] / sums["people"] if sums["people"] else 0.0,
            "bytes_per_row": bytes_ / sums["rows"] if sums["rows"] else 0.0,
        }
    return growth


def line_through(points: list[tuple[int, float]]) -> tuple[float, float]:
    """Least squares: what no limit would cost, and what each costs."""
    n = len(points)
    mean_x = sum(x for x, _ in points) / n
    mean_y = sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return mean_y - slope * mean_x, slope
