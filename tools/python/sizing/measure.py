"""The runs, one deployment after the other."""

import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.layout import ClusterError
from cluster.processes import wait_until

from . import figures, limits, people, usage
from .deployment import Deployment
from .relay import Relay

WARM_UP = 200
SLOW_PER_S = 100
# Over which reservations are opened.
OPENING_S = 2
# A sliding window of a minute has slots of a second: after some of them every counter has its ring.
CHARGING_S = 4
FEWEST_IN_REDIS = 2_000
USUAL_LIMITS = 6
DATA_PLANE = ("quota", "ledger")
COST_ROLES = ("quota", "redis", "ledger", "postgres", "alerts")
MANY_ORG = "many"


# CPU seconds of each, seconds, what loadgen told.
Run = tuple[dict[str, float], float, dict]


@dataclass
class Plan:
    programs: Path
    requests: int  # of the long runs
    say: Callable[[str], None]

    @property
    def some(self) -> int:
        """Of the short ones."""
        return max(self.requests // 5, 100)

    @property
    def idle_s(self) -> float:
        return max(1.0, self.requests / 10_000)

    @property
    def people(self) -> int:
        """With amounts and keys of their own."""
        return min(self.requests, 100_000)


class Measurement:
    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._idle_cores: dict[str, float] = {}
        self.figures: dict = {"costs": []}

    def _deployment(self, name: str, **more: bool) -> Deployment:
        self._plan.say(name)
        folder = self._folder / name.replace(" ", "-")
        return Deployment(folder, self._plan.programs, limits.document(USUAL_LIMITS), **more)

    def run(self) -> dict:
        self._production()
        self._plain()
        self._sqlite()
        self._redis()
        return self.figures

    def _charge(self, deployment: Deployment, requests: int, *more: object) -> Run:
        """What each used, for how long, and what loadgen tells."""
        before, begin = deployment.cpu_s(), time.monotonic()
        told = deployment.charge(requests, *more)
        elapsed = time.monotonic() - begin
        return figures.difference(before, deployment.cpu_s()), elapsed, told

    def _bytes(self, deployment: Deployment) -> dict[str, float]:
        """Between gateways and the server, per request. (It warms up meanwhile.)"""
        relay = Relay(deployment.port)
        usual, deployment.address = deployment.address, relay.address
        try:
            requests = deployment.charge(WARM_UP)["requests"]
        finally:
            deployment.address = usual
            relay.close()
        return {"in": relay.to_server / requests, "out": relay.to_client / requests}

    def _add_costs(
        self,
        count: int,
        tls: bool,
        database: str,
        runs: list[Run],
        bytes_: dict[str, float] | None = None,
    ) -> None:
        cpu: dict[str, float] = {}
        for used, _, _ in runs:
            cpu = {role: cpu.get(role, 0.0) + used[role] for role in used}
        elapsed = sum(run[1] for run in runs)
        requests = sum(run[2]["requests"] for run in runs)
        us = figures.per_request_us(cpu, self._idle_cores, elapsed, requests)
        us = {role: us[role] for role in COST_ROLES if role in us}
        self.figures["costs"].append(
            {
                "limits": count, "tls": tls, "database": database, "requests": requests,
                "elapsed_s": elapsed, "cpu_s": cpu, "us": us, "us_total": sum(us.values()), "gateway_bytes": bytes_,
                "per_s_and_core": {role: figures.per_core(each) for role, each in us.items()},
            }
        )  # fmt: skip

    def _production(self) -> None:
        """TLS and tokens, PostgreSQL, every role."""
        half = self._plan.requests // 2
        with self._deployment("with TLS", tls=True).up() as whole:
            idle_memory = whole.memory_mib()
            self._idle(whole)
            bytes_ = self._bytes(whole)
            marks, runs = [_mark(whole)], []
            for _ in range(2):
                runs.append(self._charge(whole, half))
                marks.append(_mark(whole))
            loaded_memory = whole.memory_mib()
            self._add_costs(USUAL_LIMITS, True, "postgres", runs, bytes_)
            self._slow(whole)
            for count in limits.SEVERAL:
                if count != USUAL_LIMITS:
                    self._other_limits(whole, count, tls=True)
            self._many_people(whole)
        self._add_growth(marks, [run[2] for run in runs])
        self.figures["memory_mib"] = {
            role: {"idle": idle_memory[role], "loaded": loaded_memory[role]} for role in idle_memory
        }

    def _add_growth(self, marks: list[dict], told: list[dict]) -> None:
        """Of Redis and PostgreSQL, by what was there before, between and after two runs."""
        requests = [each["requests"] for each in told]

        def per_million(what: str) -> float:
            return figures.per_million(marks[0][what], marks[-1][what], sum(requests))

        self.figures["postgres"] = figures.database_growth([m["sizes"] for m in marks], requests) | {
            "log_bytes_per_million": per_million("log")
        }
        self.figures["redis"] = {
            f"{what}_bytes_per_million": per_million(what) for what in ("aof", "received", "sent")
        } | {
            "staying_bytes": [figures.staying(mark["kinds"]) for mark in marks[1:]],
            "idle_used_bytes": marks[0]["used"],
        }
        self.figures["charges_per_request"] = sum(e["committed"] for e in told) / sum(requests)

    def _idle(self, whole: Deployment) -> None:
        before, begin = whole.cpu_s(), time.monotonic()
        time.sleep(self._plan.idle_s)
        elapsed = time.monotonic() - begin
        used = figures.difference(before, whole.cpu_s())
        self._idle_cores = {role: each / elapsed for role, each in used.items()}
        self.figures["idle_cores"] = self._idle_cores

    def _slow(self, whole: Deployment) -> None:
        requests = max(self._plan.requests // 50, 50)
        used, elapsed, _ = self._charge(whole, requests, "--duration", requests / SLOW_PER_S)
        self.figures["slow"] = {
            "per_s": requests / elapsed,
            "cores": {role: each / elapsed for role, each in used.items()},
        }

    def _many_people(self, whole: Deployment) -> None:
        """Of an org that has amounts, and then keys, for so many."""
        count = self._plan.people
        file = self._folder / "state.yaml"
        seen = [(whole.memory_mib()["quota"], whole.redis.totals()["used"])]
        for document in (people.overrides(count), people.keys(count)):
            with file.open("w") as out:
                out.writelines(document)
            changes = whole.metric("admin", "quotaplane_control_change")
            whole.apply(file, MANY_ORG)
            wait_until(
                lambda: whole.metric("quota", "quotaplane_control_change") > changes,
                "the replica has the change",
            )
            seen.append((whole.memory_mib()["quota"], whole.redis.totals()["used"]))
        parts = zip(("overrides", "keys"), zip(seen, seen[1:]))
        self.figures["people"] = {"count": count} | {
            name: {
                "quota_bytes_each": (after[0] - before[0]) * usage.MIB / count,
                "redis_bytes_each": (after[1] - before[1]) / count,
            }
            for name, (before, after) in parts
        }

    def _other_limits(self, whole: Deployment, count: int, tls: bool) -> None:
        self._plan.say(f"{count} limits")
        whole.set_policy(limits.document(count))
        bytes_ = self._bytes(whole)
        self._add_costs(count, tls, "postgres", [self._charge(whole, self._plan.some)], bytes_)

    def _plain(self) -> None:
        with self._deployment("without TLS", tls=False).up(DATA_PLANE) as plain:
            for count in limits.SEVERAL:
                self._other_limits(plain, count, tls=False)

    def _sqlite(self) -> None:
        half = self._plan.requests // 2
        with self._deployment("SQLite", tls=True, sqlite=True).up(DATA_PLANE) as small:  # fmt: skip
            small.charge(WARM_UP)
            sizes, runs = [small.ledger.sizes()], []
            for _ in range(2):
                runs.append(self._charge(small, half))
                sizes.append(small.ledger.sizes())
            self._add_costs(USUAL_LIMITS, True, "sqlite", runs)
        requests = [run[2]["requests"] for run in runs]
        self.figures["sqlite"] = figures.database_growth(sizes, requests)

    def _redis(self) -> None:
        """Without anybody who takes charges out."""
        requests = max(self._plan.requests // 10, FEWEST_IN_REDIS)
        with self._deployment("Redis alone", tls=False, sqlite=True).up(("quota",)) as some:  # fmt: skip
            empty, used = some.redis.kinds(), some.redis.totals()["used"]
            some.charge(requests, "--duration", CHARGING_S)
            charged = some.redis.kinds()
            grown = some.redis.totals()["used"] - used
            opened = self._opened(some, requests)
        self.figures["redis"] |= {
            "bytes": figures.redis_bytes(charged, opened),
            "unexplained": figures.unexplained(empty, charged, grown),
            "keys": {kind: seen["keys"] for kind, seen in charged.items()},
        }

    def _opened(self, some: Deployment, requests: int) -> dict:
        """While reservations are open: whoever sends is halted when a part of them are."""
        process = some.loadgen(requests, "--open-calls", 1000, "--duration", OPENING_S)

        def enough() -> bool:
            if process.poll() is not None:
                raise ClusterError(f"loadgen has ended: {process.stderr.read()}")
            return some.redis.kinds().get("x", {}).get("members", 0) >= requests // 2

        try:
            wait_until(enough, "reservations are open")
            process.send_signal(signal.SIGSTOP)
            return some.redis.kinds()
        finally:
            process.kill()
            process.communicate()


def _mark(whole: Deployment) -> dict:
    """What there is at one moment."""
    more = {"sizes": whole.ledger.sizes(), "kinds": whole.redis.kinds(), "log": whole.ledger.log_bytes()}
    return whole.redis.totals() | more


def measure(plan: Plan) -> dict:
    with tempfile.TemporaryDirectory(prefix="quotaplane-sizing-", dir="/var/tmp") as folder:
        # PostgreSQL runs as a user of its own and passes through.
        Path(folder).chmod(0o711)
        return Measurement(plan, Path(folder)).run()
