"""What the machine can do, before the day begins."""

from cluster.cluster import Cluster, ClusterError
from cluster.processes import wait_until

from . import ctl, load, timeline

CLOSED_REQUESTS = 20_000
FEW_REQUESTS = 600
OPEN_S = 10
SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
# A rate holds where Reserve, from when it was due, is answered so fast.
HOLDS_P99_US = 50_000
ORG = "trial"


def costs(result: dict) -> dict[str, float]:
    """USD that each team spends per request of the whole company."""
    return {
        team["team"]: team["spent_nano_usd"] / 1e9 / result["requests"] for team in result["teams"]
    }


def few(cluster: Cluster) -> dict[str, float]:
    """Costs alone."""
    return costs(load.start(cluster, "trial", FEW_REQUESTS, ORG).finish().result)


def at_rest(cluster: Cluster) -> None:
    """What one run leaves to the ledger, the next must not pay for."""

    def drained() -> bool:
        status = ctl.ask(cluster, "ledger-1", "ledger", "status")
        return int(status.get("outbox_messages", 0)) == 0

    wait_until(drained, "the ledger has what was charged")


def highest_rate(cluster: Cluster, say) -> tuple[float, dict[str, float]]:
    """Requests a second that hold for ten seconds, and costs."""
    closed = load.start(cluster, "trial", CLOSED_REQUESTS, ORG).finish().result
    fastest = closed["requests"] / closed["elapsed_s"]
    say(f"as fast as it goes: {fastest:,.0f} requests/s")
    for share in SHARES:
        at_rest(cluster)
        rate = fastest * share
        run = load.start(cluster, "trial", int(rate * OPEN_S), ORG, OPEN_S).finish()
        seen = timeline.summary(run.slices)
        say(f"at {rate:,.0f} requests/s Reserve's p99 is {seen.p99_us / 1e3:,.1f} ms")
        if seen.p99_us <= HOLDS_P99_US and seen.failed == 0:
            at_rest(cluster)
            return rate, costs(closed)
    raise ClusterError(f"not even {fastest * SHARES[-1]:,.0f} requests/s hold: --rate gives one")
