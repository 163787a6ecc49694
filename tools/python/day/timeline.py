"""What came of calls in a span of time: sums over the slices of loadgen's timeline."""

import math
from collections import Counter
from dataclasses import dataclass

SLICE_MS = 250


@dataclass
class Summary:
    reserves: int
    decided: int  # by the counters: allowed or refused
    outage: int  # refused since the counters could not be reached
    failed: int  # no answer, for all that the call was repeated
    p50_us: float
    p99_us: float
    most_us: float
    commits: int
    spooled: int
    commits_failed: int

    @property
    def availability(self) -> float:
        """The share of Reserves that the counters decided; of none, it is 1."""
        return self.decided / self.reserves if self.reserves else 1.0


def percentile(latencies: Counter, share: float) -> float:
    """The smallest that `share` of all do not exceed; 0 of none."""
    rank = max(1, math.ceil(share * sum(latencies.values())))
    seen = 0
    for us in sorted(latencies):
        seen += latencies[us]
        if seen >= rank:
            return us
    return 0.0


def summary(slices: list[dict]) -> Summary:
    counts: dict[str, Counter] = {"reserve": Counter(), "commit": Counter()}
    latencies: Counter = Counter()
    for each in slices:
        for call, count in counts.items():
            part = dict(each.get(call, {}))
            us = part.pop("us", [])
            count.update(part)
            if call == "reserve":
                latencies.update(dict(us))
    reserve, commit = counts["reserve"], counts["commit"]
    return Summary(
        reserves=reserve.total(),
        decided=reserve["allowed"] + reserve["refused"],
        outage=reserve["outage"],
        failed=reserve["failed"],
        p50_us=percentile(latencies, 0.5),
        p99_us=percentile(latencies, 0.99),
        most_us=max(latencies, default=0),
        commits=commit.total(),
        spooled=commit["spooled"],
        commits_failed=commit["failed"],
    )


def between(slices: list[dict], start_ms: float, end_ms: float) -> list[dict]:
    """Those that have a part in that time."""
    return [s for s in slices if s["start_ms"] < end_ms and s["start_ms"] + SLICE_MS > start_ms]
