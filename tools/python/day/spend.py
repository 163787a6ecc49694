"""One day, from a cluster's start to what is known about it."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cluster.cluster import Cluster
from cluster.processes import wait_until

from . import checks, ctl, disk, events, limits, load, report, shape, trial
from .traffic import Traffic

TEAMS = ("assistant", "data-science", "growth", "platform", "search", "support")
# For the trial: nothing is refused.
PLENTY = limits.Expected({team: 1e5 for team in TEAMS}, 1e6, 10**6)


@dataclass
class Wanted:
    requests: int
    rate: float | None  # a second in the busiest hour; none: what a trial finds
    topology: str | None  # of Redis
    programs: Path
    commit: str


def put_in_force(cluster: Cluster, policy: Path, document: str) -> None:
    """The servers' file, which each of them reads within a second."""
    wanted = next(
        str(limit["amount"])
        for limit in json.loads(document)["limits"]
        if limit["id"] == "user-requests"
    )
    cluster.layout.write(policy, document)

    def holds(server: str) -> bool:
        usage = ctl.ask(cluster, server, "usage", "--org", load.ORG, "--user", "nobody")
        return any(
            limit["limit_id"] == "user-requests" and limit["amount"] == wanted
            for limit in usage["limits"]
        )

    for server in ("quota-1", "quota-2", "quota-3"):
        wait_until(lambda: holds(server), f"{server} reads the policy")


def spend(cluster: Cluster, folder: Path, wanted: Wanted, say: Callable[[str], None]) -> dict:
    disk.need(folder, wanted.requests)
    kind, weights = shape.find(os.environ.get("QUOTAPLANE_TESTDATA"))
    policy = folder / "policy.yaml"
    policy.write_text(limits.document(PLENTY, after_noon=False))
    say("the cluster starts")
    cluster.up(wanted.programs, policy, wanted.topology)
    if wanted.rate is None:
        peak, costs = trial.highest_rate(cluster, say)
    else:
        peak, costs = wanted.rate, trial.few(cluster)
    day_s = wanted.requests / (peak * sum(weights) / len(weights) / max(weights))
    expected = limits.Expected(
        {team: usd * wanted.requests for team, usd in costs.items()},
        min(peak * 60, wanted.requests),
        load.CONCURRENCY * load.OPEN_CALLS,
    )
    put_in_force(cluster, policy, limits.document(expected, after_noon=False))
    afternoon = folder / "afternoon.yaml"
    afternoon.write_text(limits.document(expected, after_noon=True))

    say(f"{wanted.requests:,} requests in {day_s:,.0f} s, at most {peak:,.0f}/s")
    since = datetime.now(timezone.utc) - timedelta(days=1)
    begin = time.time()
    traffic = Traffic(cluster, wanted.requests, day_s, weights, say)
    try:
        plan = events.planned(cluster, afternoon, weights)
        happened = events.run(plan, begin, day_s, traffic.check, say)
        say("the events are over; the day goes on to its end")
        runs = traffic.finish()
    finally:
        traffic.kill()
    elapsed = time.time() - begin
    say("is any limit past its amount, do the books balance?")
    results = [run.result for run in runs]
    day = {
        "run": {
            "requests": sum(result["requests"] for result in results),
            "elapsed_s": elapsed,
            "peak_per_s": peak,
            "shape": kind,
            "redis": cluster.layout.topology,
            "repeated_calls": sum(result["repeated_calls"] for result in results),
            "disk_bytes": disk.used(folder),
            "cores": os.cpu_count(),
            "commit": wanted.commit,
            "date": datetime.now(timezone.utc).date().isoformat(),
        },
        "first_failure": next((r["first_failure"] for r in results if r["first_failure"]), ""),
        "events": list(map(vars, happened)),
        "slices": [each for run in runs for each in run.slices],
    }
    day |= checks.of(cluster, results, since)
    day["rows"] = report.rows(day)
    return day
