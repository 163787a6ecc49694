#!/usr/bin/env python3
"""The commands of docs/upgrades.md on two hosts under load: `quotaplane migrate` brings a schema to
come, so each process that is exchanged is older than it, as on the way back.

Usage: upgrades_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
import document  # noqa: E402
from blocks import blocks_in  # noqa: E402

from auth_case import wait_until  # noqa: E402
from python_client import Client  # noqa: E402
from upgrade_case import OPTIONS, POLICY, ROLES, VERSION  # noqa: E402
from upgrade_case import UpgradeCase, additive_schema, take_programs  # noqa: E402

(UNIT,) = (block.text for block in blocks_in("docs/upgrades.md") if block.language == "ini")
HOSTS = {"one": ROLES, "two": ("ledger", "quota")}
PATIENCE_S = 60

# The version to come: its schema is that of next_schema.
NEW_PROGRAM = """#!/bin/sh
if [ "$*" = migrate ]; then exec {next_schema} "$QUOTAPLANE_LEDGER" {schema}; fi
exec {program} "$@"
"""
# Told to the test, which plays systemd.
SYSTEMCTL = """#!/bin/sh
[ "$1" = restart ] || exit 2
echo "$2" > {asked}
read -r answer < {answered}
[ "$answer" = done ]
"""


class Unit:
    """A process as the document's unit describes it."""

    def __init__(self, host: Path, role: str) -> None:
        self._host, self._role = host, role
        self.address = ""
        self._process: subprocess.Popen | None = None

    def _words(self) -> list[str]:
        (line,) = re.findall(r"(?m)^ExecStart=(.*)$", UNIT)
        words = [word.replace("%i", self._role) for word in shlex.split(line)]
        words = [word.replace("/etc/quotaplane", str(self._host)) for word in words]
        words = [word.replace("/var/lib/quotaplane", f"{self._host}/data") for word in words]
        assert words[0] == "/usr/local/bin/quotaplane"
        return [str(OPTIONS.program), *words[1:]]

    def start(self) -> None:
        env = dict(os.environ)
        for name in re.findall(r"(?m)^EnvironmentFile=/etc/quotaplane/(.*)$", UNIT):
            file = self._host / name.replace("%i", self._role)
            env |= dict(line.split("=", 1) for line in file.read_text().splitlines())
        words = [re.sub(r"\$\{(\w+)\}", lambda m: env[m[1]], word) for word in self._words()]
        with (self._host / f"{self._role}.log").open("ab") as log:
            self._process = subprocess.Popen(
                words, env=env, stdout=subprocess.PIPE, stderr=log, text=True
            )
        line = self._process.stdout.readline()
        assert line.startswith("ready: listening on "), self.log()
        self.address = line.split()[-1]

    def stop(self) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=30)
        process.stdout.close()
        return code

    def log(self) -> str:
        return (self._host / f"{self._role}.log").read_text()


class Load(threading.Thread):
    """A gateway: what fails is made again under the same id at whichever replica answers."""

    MAY_PASS = (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,  # it met a replica that had begun to end
    )

    def __init__(self, case: "UpgradesTest", number: int) -> None:
        super().__init__()
        self._case, self._number = case, number
        self._quota = case.protos.quota
        self._clients: dict[str, Client] = {}
        self.done = 0
        self.failure: BaseException | None = None
        self.stopping = threading.Event()

    def run(self) -> None:
        try:
            # A pair of calls every 10 ms or so: what matters is that there is always one under way.
            while not self.stopping.wait(0.01):
                self._pair()
                self.done += 1
        except BaseException as failure:  # told by the test
            self.failure = failure
        for client in self._clients.values():
            client.close()

    def _pair(self) -> None:
        quota, id = self._quota, str(uuid.uuid4())
        user, model = f"u{self._number}", "claude-sonnet-4-5"
        subject = quota.Subject(org="acme", team="search", user=user, model=model)
        usage = quota.Usage(meters={"input": 1000})
        reserve = quota.ReserveRequest(reservation_id=id, subject=subject, estimate=usage)
        held = self._call("Reserve", reserve)
        # On a machine that stands still for a moment the store seems to be away.
        while held.outage and not self.stopping.is_set():
            held = self._call("Reserve", reserve)
        assert held.decision == quota.DECISION_ALLOW or held.outage, held
        request = quota.CommitRequest(reservation_id=id, subject=subject)
        request.attempts.add(usage=usage)
        committed = self._call("Commit", request)
        assert not committed.late, committed

    def _call(self, method: str, request):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for address in self._case.replicas():
                client = self._clients.get(address)
                if client is None:
                    client = self._clients[address] = Client(address, self._case.protos)
                try:
                    return client.call(method, request)
                except grpc.RpcError as error:
                    if error.code() not in self.MAY_PASS or time.monotonic() > deadline:
                        raise
            time.sleep(0.05)


class UpgradesTest(document.Followed, UpgradeCase):
    DOCUMENT = "docs/upgrades.md"

    @classmethod
    def setUpClass(cls) -> None:
        take_programs(document.OPTIONS.programs, document.OPTIONS.protoc)

    def setUp(self) -> None:
        super().setUp()
        self.ledger = self.postgres()
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        self.asked, self.answered = self.bin / "asked", self.bin / "answered"
        os.mkfifo(self.asked)
        os.mkfifo(self.answered)
        new = NEW_PROGRAM.format(
            next_schema=OPTIONS.next_schema,
            schema=additive_schema(self.folder),
            program=OPTIONS.program,
        )
        self.install("quotaplane", new)
        self.install("quotactl", f'#!/bin/sh\nexec {OPTIONS.quotactl} "$@"\n')
        self.install("systemctl", SYSTEMCTL.format(asked=self.asked, answered=self.answered))
        self.units: dict[tuple[str, str], Unit] = {}
        for host, roles in HOSTS.items():
            self.set_up_host(self.folder / host, roles)

    def install(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def set_up_host(self, host: Path, roles: tuple[str, ...]) -> None:
        host.mkdir()
        (host / "policy.yaml").write_text(POLICY)
        urls = f"QUOTAPLANE_REDIS={self.redis}\nQUOTAPLANE_LEDGER={self.ledger}\n"
        (host / "common.env").write_text(urls)
        for role in roles:
            (host / f"{role}.env").write_text("LISTEN=127.0.0.1:0\nMETRICS_LISTEN=127.0.0.1:0\n")
            self.units[host.name, role] = unit = Unit(host, role)
            self.addCleanup(unit.stop)

    def replicas(self) -> list[str]:
        return [self.units[host, "quota"].address for host in HOSTS]

    # The document's commands

    def bash(self, script: str, host: str = "one") -> str:
        env = os.environ | {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "QUOTAPLANE_LEDGER": self.ledger,
            "QUOTAPLANE_SERVER": self.units["one", "ledger"].address,
        }
        here = script.replace("/etc/quotaplane", f"{self.folder}/{host}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", here],
            cwd=self.folder, env=env, capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, f"{script}\n{done.stdout}{done.stderr}")
        return done.stdout

    def restart(self, function: str, line: str, host: str) -> None:
        """A line of the document on one host, while the test does what systemd would."""
        role = line.split()[1]
        unit = self.units[host, role]
        code = []

        def systemd() -> None:
            wanted = self.asked.read_text().strip()
            code.append(unit.stop() if wanted == f"quotaplane@{role}" else wanted)
            unit.start()
            # Ports are taken anew with each start.
            (metrics,) = re.findall(r"metrics on http://([^/]+)/metrics", unit.log())[-1:]
            env = self.folder / host / f"{role}.env"
            env.write_text(f"LISTEN=127.0.0.1:0\nMETRICS_LISTEN={metrics}\n")
            self.answered.write_text("done\n")
            env_after.append(env)

        env_after: list[Path] = []
        thread = threading.Thread(target=systemd)
        thread.start()
        self.bash(function + line, host)
        thread.join()
        env_after[0].write_text("LISTEN=127.0.0.1:0\nMETRICS_LISTEN=127.0.0.1:0\n")
        self.assertEqual(code, [0], "it did not end cleanly")

    # What is there

    def charges(self) -> int:
        (unit,) = [self.units["one", "reports"]]
        said = self.run_program(
            OPTIONS.quotactl, "report", "usage", "--org", "acme", "--json", "--server", unit.address
        )
        return int(json.loads(said)["total"]["requests"])

    def test_an_upgrade_under_load_and_the_way_back(self) -> None:
        before, migrate, function, restarts, after, back, restore = (
            self.take().text for _ in range(7)
        )
        self.migrate(self.ledger)
        for unit in self.units.values():
            unit.start()
        loads = [Load(self, number) for number in range(4)]
        for load in loads:
            load.start()
            self.addCleanup(load.join)
            self.addCleanup(load.stopping.set)

        def done() -> int:
            for load in loads:
                self.assertIsNone(load.failure)
            return sum(load.done for load in loads)

        def goes_on(what: str) -> None:
            more = done() + 20
            wait_until(lambda: done() >= more, f"calls go on {what}")

        goes_on("at first")
        said = self.bash(before)
        self.assertIn(f"the ledger's schema is at version {VERSION} already\n", said)
        self.bash(migrate)
        # The old workers write into the new tables.
        written = done()
        goes_on("after the migration")
        wait_until(lambda: self.charges() > written, "old workers write")
        for line in restarts.splitlines():
            for host, roles in HOSTS.items():
                if line.split()[1] in roles:
                    self.restart(function, line, host)
                    goes_on(f"after {line} on {host}")
        for load in loads:
            load.stopping.set()
        for load in loads:
            load.join()
        wait_until(lambda: self.charges() == done(), "every charge is in the ledger, once")
        self.bash(after)
        newer = f"newer than this program's {VERSION}, which works with it"
        self.assertIn(newer, self.bash(back))
        for (host, role), unit in self.units.items():
            told = "newer than this program's" in unit.log()
            self.assertEqual(told, role != "quota", (host, role))
            self.assertNotIn('"level":"critical"', unit.log())
            self.assertEqual(unit.stop(), 0)

        # The last way out: the database of before.
        self.bash(restore)
        self.assertIn(f"at version {VERSION} already\n", self.migrate(self.ledger))
        # And the way forward is open again.
        self.bash(migrate)
        self.assertIn(newer, self.bash(back))


if __name__ == "__main__":
    document.main(__doc__)
