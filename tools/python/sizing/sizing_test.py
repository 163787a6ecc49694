#!/usr/bin/env python3
"""The arithmetic of tools/bench sizing, without servers."""

import re
import socket
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from sizing import databases, figures, limits, people, plan, relay, report, usage

MIB = 1 << 20


def sizes(entries: int, keys: int, hours: int = 0) -> databases.Sizes:
    """Bytes of tables; indexes have a quarter of that."""

    def of(table: int, rows: int, people: int = 0) -> dict[str, int]:
        return {"table": table, "index": table // 4, "rows": rows, "people": people}

    return {
        "entries": of(entries, entries // 100),
        "keys": of(keys, keys // 50),
        "hours": of(hours, hours // 200, 5),
        "days": of(0, 0),
        "others": of(7777, 1),
    }


# What a request costs: 100 µs in the server and 10 for each limit; half of that in Redis.
def cost(count: int, tls: bool = True, database: str = "postgres", factor: float = 1) -> dict:
    us = {"quota": 100 + 10 * count, "redis": 50 + 5 * count, "ledger": 60, "postgres": 80}
    if count == 6:
        us["alerts"] = 10
    us = {role: each * factor for role, each in us.items()}
    return {"limits": count, "tls": tls, "database": database, "us": us, "us_total": sum(us.values()),
            "gateway_bytes": {"in": 1234, "out": 567} if database == "postgres" else None,
            "per_s_and_core": {role: figures.per_core(each) for role, each in us.items()}}  # fmt: skip


GROWN = {
    "bytes_per_million": 1000 * MIB,
    "first_bytes_per_million": 1001 * MIB,
    "log_bytes_per_million": 2000 * MIB,
    "entries": {"table": 700 * MIB, "index": 200 * MIB, "rows": 2.5e6},
    "keys": {"table": 60 * MIB, "index": 40 * MIB, "rows": 0.97e6},
    "hours": {"rows_per_person": 10, "bytes_per_row": 300},
    "days": {"rows_per_person": 10, "bytes_per_row": 200},
}
ROLES = ("quota", "ledger", "reports", "admin", "alerts", "redis", "postgres")
SEEN = {
    "run": {"requests": 1000, "elapsed_s": 9.0, "machine": "m", "cores": 2, "commit": "c", "date": "d"},
    "costs": [cost(2), cost(6), cost(12), cost(6, tls=False, factor=0.5), cost(6, database="sqlite", factor=9)],
    "idle_cores": dict.fromkeys(ROLES, 0.01),
    "slow": {"per_s": 100, "cores": dict.fromkeys(ROLES, 0.05)},
    "memory_mib": {role: {"idle": 20, "loaded": 40} for role in ROLES},
    "charges_per_request": 0.5,
    "people": {"count": 10} | dict.fromkeys(("overrides", "keys"), {"quota_bytes_each": 90, "redis_bytes_each": 60}),
    "redis": {
        "bytes": {"calendar_counter": 100, "sliding_counter": 700, "open_reservation": 400,
                  "ended_reservation": 200, "waiting_charge": 600},
        "unexplained": 0.1, "idle_used_bytes": 2 * MIB, "staying_bytes": [100, 100],
        "aof_bytes_per_million": 900 * MIB, "received_bytes_per_million": 3, "sent_bytes_per_million": 2,
    },
    "postgres": GROWN,
    "sqlite": GROWN,
}  # fmt: skip
DEMAND = plan.Demand(people=100, requests_a_day=864_000, peak=5, limits=10)


class FiguresTest(unittest.TestCase):
    def test_what_would_have_been_used_anyway_is_no_requests(self) -> None:
        us = figures.per_request_us({"quota": 3.0, "admin": 0.1}, {"quota": 0.1, "admin": 0.02}, 10, 1000)
        self.assertAlmostEqual(us["quota"], 2000)
        self.assertEqual(us["admin"], 0)
        self.assertEqual(figures.per_core(us["quota"]), 500)
        self.assertEqual(figures.per_core(0), 0)

    def test_bytes_of_each_thing_in_redis(self) -> None:
        def kind(keys: int, bytes_: int, members: int = 0) -> dict[str, int]:
            return {"keys": keys, "bytes": bytes_, "members": members}

        charged = {"c": kind(10, 900), "w": kind(4, 2400), "g": kind(1, 200, 10), "ended": kind(3, 450),
                   "o": kind(1, 3000, 5)}  # fmt: skip
        opened = {"r": kind(2, 800), "x": kind(1, 90, 2)}
        self.assertEqual(
            figures.redis_bytes(charged, opened),
            {"calendar_counter": 110, "sliding_counter": 710, "open_reservation": 445,
             "ended_reservation": 150, "waiting_charge": 600},
        )  # fmt: skip
        self.assertEqual(figures.staying(charged), 900 + 2400 + 200)
        self.assertAlmostEqual(figures.unexplained({}, charged, 7645), 0.1)

    def test_growth_is_the_last_steps_and_what_was_there_does_not_count(self) -> None:
        marks = [sizes(1_000_000, 500_000), sizes(1_080_000, 510_000), sizes(1_240_000, 530_000, hours=2000)]
        grown = figures.database_growth(marks, [100, 200])
        self.assertEqual(grown["entries"], {"table": 8e8, "index": 2e8, "rows": 8e6})
        self.assertEqual(grown["bytes_per_million"], (160_000 + 20_000) * 1.25 / 200 * 1e6)
        self.assertEqual(grown["first_bytes_per_million"], (80_000 + 10_000) * 1.25 / 100 * 1e6)
        self.assertEqual(grown["hours"], {"rows_per_person": 2, "bytes_per_row": 250})
        self.assertEqual(grown["days"], {"rows_per_person": 0, "bytes_per_row": 0})

    def test_a_line(self) -> None:
        none, each = figures.line_through([(2, 120.0), (6, 160.0), (12, 220.0)])
        self.assertAlmostEqual(none, 100)
        self.assertAlmostEqual(each, 10)


class DatabasesTest(unittest.TestCase):
    def test_months_and_indexes_are_their_tables(self) -> None:
        tables = [("ledger_entries_2026_11", 10, 1), ("ledger_entries_default", 5, 2), ("ledger_keys", 3, 4),
                  ("rollup_hour", 7, 0), ("alerts", 9, 9)]  # fmt: skip
        found = databases.sizes_of(tables, lambda sql: len(sql))
        self.assertEqual((found["entries"]["table"], found["entries"]["index"]), (15, 3))
        self.assertEqual((found["keys"]["table"], found["hours"]["table"]), (3, 7))
        self.assertEqual(found["others"], {"table": 9, "index": 9})
        self.assertGreater(found["hours"]["people"], found["hours"]["rows"])


class DocumentsTest(unittest.TestCase):
    def test_a_policy_has_so_many_limits(self) -> None:
        for count in limits.SEVERAL:
            self.assertEqual(limits.document(count).count('"id"'), count)

    def test_people_have_amounts_and_keys_of_their_own(self) -> None:
        self.assertEqual("".join(people.overrides(30)).count("person-"), 30)
        ids = re.findall(r"(?m)^  - \{id: ([a-z2-7]{16}), ", "".join(people.keys(3000)))
        self.assertEqual(len(set(ids)), 3000)


class PlanTest(unittest.TestCase):
    def test_cores_at_the_peak(self) -> None:
        self.assertEqual((DEMAND.mean_per_s, DEMAND.peak_per_s), (10, 50))
        cores = plan.cores(SEEN, DEMAND)
        # 200 µs × 50/s, and what it uses when idle; 60 % busy.
        self.assertAlmostEqual(cores["quota"], (0.01 + 0.01) / 0.6)
        self.assertAlmostEqual(cores["redis"], (0.005 + 0.01) / 0.6)
        self.assertAlmostEqual(cores["postgres"], (0.004 + 0.01) / 0.6)
        self.assertAlmostEqual(cores["alerts"], (0.0005 + 0.01) / 0.6)

    def test_redis(self) -> None:
        bytes_ = plan.redis_bytes(SEEN, DEMAND)
        expected = {"empty": 2 * MIB, "counters": 100 * 10 * 700 * 1.1, "open": 50 * 30 * 400 * 1.1,
                    "ended": 50 * 600 * 200 * 1.1, "outage": 50 * 14_400 * 0.5 * 600 * 1.1}  # fmt: skip
        self.assertEqual(list(bytes_), list(expected))
        for name, value in expected.items():
            self.assertAlmostEqual(bytes_[name], value, msg=name)

    def test_the_database_of_a_month(self) -> None:
        entries = 0.864 * 30 * 1000 * MIB
        sums = 100 * 10 * (24 * 30 * 300 + 30 * 200)
        self.assertAlmostEqual(plan.database_bytes(SEEN, DEMAND, "postgres", 30), entries + sums, delta=1)


class ReportTest(unittest.TestCase):
    def test_sizes_have_units(self) -> None:
        seen = [report.size(bytes_) for bytes_ in (0, 999, 1536, 5 * MIB, 2000 * MIB, 300 << 30)]
        self.assertEqual(seen, ["0 B", "999 B", "1536 B", "5,120 KiB", "2,000 MiB", "300 GiB"])

    def test_every_figure_is_shown(self) -> None:
        text = report.figures_text(SEEN)
        for fact in ("PostgreSQL", "SQLite", "1,001 MiB", "2,000 MiB", "600 B", "10.0 %", "0.97 million", "1,234 B"):
            self.assertIn(fact, text)
        text = report.plan_text(SEEN, DEMAND)
        for fact in ("100 people, 864,000 requests a day: 10 a second, 50 at the peak", "together", "0.03"):
            self.assertIn(fact, text)


class RelayTest(unittest.TestCase):
    def test_bytes_pass_and_are_counted(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            passing = relay.Relay(server.getsockname()[1])
            self.addCleanup(passing.close)
            host, port = passing.address.split(":")
            with socket.create_connection((host, int(port)), timeout=20) as client:
                there, _ = server.accept()
                with there:
                    client.sendall(b"x" * 1000)
                    client.shutdown(socket.SHUT_WR)
                    with there.makefile("rb") as asked:
                        self.assertEqual(len(asked.read()), 1000)
                    there.sendall(b"yes")
                with client.makefile("rb") as answer:
                    self.assertEqual(answer.read(), b"yes")
        self.assertEqual((passing.to_server, passing.to_client), (1000, 3))


class UsageTest(unittest.TestCase):
    def test_children_count_while_they_run_and_after(self) -> None:
        burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(1, flush=True)\ninput()"
        script = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\nprint(2, flush=True)\nsys.stdin.read()"
        process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True)  # fmt: skip
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        self.assertEqual(process.stdout.readline(), "1\n")
        self.assertGreaterEqual(len(usage.tree(process.pid)), 2)
        self.assertGreater(usage.memory_mib(process.pid), 2)
        running = usage.cpu_s(process.pid)
        self.assertGreaterEqual(running, 0.28)
        process.stdin.write("\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), "2\n")
        # By now in ticks.
        self.assertGreaterEqual(usage.cpu_s(process.pid), running - 3 * usage.TICK_S)


if __name__ == "__main__":
    unittest.main()
