"""From figures to what a company of some size needs."""

from dataclasses import dataclass

from . import figures

DAY_S = 86_400
MONTH_DAYS = 30
# How long a model call keeps its reservation open, and how long the outcome is remembered.
CALL_S = 30
REMEMBERED_S = 600
# Charges wait in Redis for a database that is away.
OUTAGE_S = 4 * 3600
# The share of a core that a pod uses when all is well: the rest is for when another one goes.
BUSY = 0.6
# Ages of entries, in days, of which the size is told.
AGES = (90, 400)
DATA_PLANE = ("quota", "redis", "ledger", "postgres", "alerts")


@dataclass
class Demand:
    people: int
    requests_a_day: int
    peak: float  # the busiest minutes, as a multiple of the day's mean
    limits: int  # that count a request

    @property
    def mean_per_s(self) -> float:
        return self.requests_a_day / DAY_S

    @property
    def peak_per_s(self) -> float:
        return self.mean_per_s * self.peak


def request_us(seen: dict, limits: int) -> dict[str, float]:
    """Of a request with TLS over PostgreSQL that so many limits count."""
    rows = [row for row in seen["costs"] if row["tls"] and row["database"] == "postgres"]
    us = {}
    for role in DATA_PLANE:
        points = [(row["limits"], row["us"][role]) for row in rows if role in row["us"]]
        # Whoever was there once costs the same whatever the limits are.
        none, each = figures.line_through(points) if len(points) > 1 else (points[0][1], 0.0)
        us[role] = max(0.0, none + each * limits)
    return us


def cores(seen: dict, demand: Demand) -> dict[str, float]:
    """At the peak, each with what it uses when idle, and with room to spare."""
    us = request_us(seen, demand.limits)
    return {
        role: (us[role] * demand.peak_per_s / 1e6 + seen["idle_cores"][role]) / BUSY
        for role in DATA_PLANE
    }


def redis_bytes(seen: dict, demand: Demand) -> dict[str, float]:
    """At most: as if every limit were a person's and sliding, and the peak lasted."""
    redis = seen["redis"]
    each = redis["bytes"]
    more = 1 + max(0.0, redis["unexplained"])
    rate = demand.peak_per_s
    return {
        "empty": redis["idle_used_bytes"],
        "counters": demand.people * demand.limits * each["sliding_counter"] * more,
        "open": rate * CALL_S * each["open_reservation"] * more,
        "ended": rate * REMEMBERED_S * each["ended_reservation"] * more,
        "outage": rate * OUTAGE_S * seen["charges_per_request"] * each["waiting_charge"] * more,
    }


def database_bytes(seen: dict, demand: Demand, database: str, days: int) -> float:
    """After so many days. Of sums, every person has as many rows in every hour as those here, who were busy."""
    grown = seen[database]
    entries = demand.requests_a_day * days / figures.MILLION * grown["bytes_per_million"]
    sums = sum(
        demand.people * grown[name]["rows_per_person"] * times * grown[name]["bytes_per_row"]
        for name, times in (("hours", 24 * days), ("days", days))
    )
    return entries + sums
