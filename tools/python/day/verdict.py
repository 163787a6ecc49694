"""Did the promises hold?

A hard limit may be past its amount by what no one can refuse: what model calls that were open when it
was met used above their hold, and what was charged without one. Both are told to the client that
commits (`excusable_nano_usd`, tools/loadgen/tally.h); anything above that is an over-admission.
"""

from collections import Counter
from dataclasses import dataclass


@dataclass
class Excess:
    limit: str
    scope: str
    unit: str
    by: int  # the most that it was past its amount
    told: int  # the most of it that is none, as clients were told


def scope_of(text: str) -> dict[str, str]:
    """Of "{org=acme, team=search}"."""
    return dict(part.split("=", 1) for part in text.strip("{}").split(", "))


def excusable_by_team(results: list[dict]) -> Counter:
    sums: Counter = Counter()
    for result in results:
        for team in result["teams"]:
            sums[team["team"]] += team["excusable_nano_usd"]
    return sums


def excesses(results: list[dict]) -> list[Excess]:
    """Every hard limit that was seen past its amount, at any time of these runs."""
    excusable = excusable_by_team(results)
    unheld_requests = sum(result["unheld"] for result in results)
    worst: dict[tuple[str, str], Excess] = {}
    for result in results:
        for seen in result["limits_seen"]:
            if not seen["refuses"] or seen["worst_excess"] <= 0:
                continue
            team = scope_of(seen["scope"]).get("team")
            if seen["unit"] == "usd":
                told = excusable.total() if team is None else excusable[team]
            else:
                told = unheld_requests if seen["unit"] == "requests" else 0
            key = (seen["limit_id"], seen["scope"])
            by = max(seen["worst_excess"], worst[key].by if key in worst else 0)
            worst[key] = Excess(*key, seen["unit"], by, told)
    return sorted(worst.values(), key=lambda excess: -excess.by)


def over_admissions(found: list[Excess]) -> list[Excess]:
    return [excess for excess in found if excess.by > excess.told]


def met(results: list[dict]) -> list[str]:
    """The limits that refused something: one that nobody met proves nothing."""
    return sorted(
        {
            limit["limit_id"]
            for result in results
            for limit in result["limits"]
            if limit["effect"] == "refused"
        }
    )
