"""What happens on the way, and when."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.cluster import Cluster
from cluster.layout import POSTGRES, ROLES

from . import ctl, load, shape

# What an event leaves behind belongs to it for so long.
AFTERMATH_S = 1.0


@dataclass
class Event:
    at: float  # as a share of the day
    name: str
    act: Callable[[], object]


@dataclass
class Happened:
    name: str
    took_s: float
    start_ms: float
    end_ms: float  # with what it leaves behind


def planned(cluster: Cluster, new_policy: Path, weights: list[float]) -> list[Event]:
    """One after the other, each in a busy moment of its part of the day."""

    def change_policy() -> None:
        draft = ctl.ask(cluster, "admin-1", "policy", "draft", new_policy, "--org", load.ORG)
        ctl.ask(
            cluster, "admin-1", "policy", "activate", draft["version"], "--org", load.ORG, "--yes"
        )

    def restart(what: str) -> Callable[[], object]:
        return lambda: cluster.restart(what)

    acts = [
        *((f"restart of {role}", restart(role)) for role in ROLES),
        ("policy change", change_policy),
        ("Redis failover", lambda: cluster.redis.fail_over(planned=False)),
        ("PostgreSQL restart", restart(POSTGRES)),
        ("certificate rotation", cluster.rotate_certificates),
    ]
    moments = shape.busy_moments(weights, len(acts))
    return [Event(at, name, act) for at, (name, act) in zip(moments, acts)]


def run(
    events: list[Event],
    begin_s: float,
    day_s: float,
    check: Callable[[], None],
    say: Callable[[str], None],
) -> list[Happened]:
    """Each when its time has come and the one before is over. `begin_s` is of time.time(); `check`
    raises where there is no use in going on."""
    happened = []
    for event in events:
        due = begin_s + event.at * day_s
        if happened:
            due = max(due, happened[-1].end_ms / 1e3)
        while (now := time.time()) < due:
            check()
            time.sleep(min(0.1, due - now))
        say(event.name)
        start = time.time()
        event.act()
        took = time.time() - start
        end = start + took + AFTERMATH_S
        happened.append(Happened(event.name, round(took, 2), start * 1e3, end * 1e3))
    while time.time() * 1e3 < happened[-1].end_ms:
        check()
        time.sleep(0.1)
    return happened
