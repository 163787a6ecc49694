#!/usr/bin/env python3
"""What servers log: lines that are JSON, calls by their ids, levels that change while servers run,
text at a terminal; and nothing of what a request's subject is made of, whatever it tries.

Usage: logs_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC
       [unittest's arguments]
"""

import json
import os
import pty
import re
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import grpc
from google.protobuf import json_format

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from auth_case import OPTIONS, AuthCase, bearer, main, new_token, wait_until
from certificates import Authority
from client_case import POLICY, PRICES
from python_client import Server

MADE_ID = re.compile(r"[0-9a-f]{32}")
FAR = "2100-01-01T00:00:00Z"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
# Escapes of terminals and the ends of lines among it, since whoever forges a log does that.
CANARY = "canary_7f3a"
NASTY = f'{CANARY}"}}\n{{"level":"info"\x1b[2J\u009b31m'


class LogsCase(AuthCase):
    def setUp(self) -> None:
        super().setUp()
        self.tokens = {}
        entries = []
        for role in ("admin", "auditor", "viewer", "gateway", "finance"):
            self.tokens[role], entry = self.token(role, (role, "*"))
            entries.append(entry)
        self.write_auth(tokens=entries)

    def start(self, name: str, *flags: object, level: str = "info") -> Server:
        folder = self.folder / name
        folder.mkdir()
        flags = ("--auth", self.auth_file, *flags)
        env = {"QUOTAPLANE_LOG_LEVEL": level}
        server = Server(OPTIONS.program, folder, POLICY, PRICES, flags, env=env)
        self.addCleanup(server.kill)
        return server

    def lines(self, server: Server) -> list[dict]:
        """Each line is an object, and has what every line has."""
        lines = []
        text = server.log()
        for line in text[: text.rfind("\n") + 1].splitlines():
            said = json.loads(line)
            self.assertRegex(said["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
            self.assertIn(said["level"], ("debug", "info", "warning", "error", "critical"))
            self.assertRegex(said["source"], r"^(libs|services)/[a-z_/]+\.(cc|h):\d+$")
            self.assertTrue(said["message"])
            lines.append(said)
        return lines

    def of_call(self, server: Server, id: str) -> list[dict]:
        return [line for line in self.lines(server) if line.get("request_id") == id]

    def call(self, channel, role: str, method: str, metadata=(), org: str = "acme", **fields):
        """The code, and the id that came back (none: the call was answered)."""
        request = self.api.request(method, org)
        if hasattr(request, "request_id"):
            request.request_id = str(uuid.uuid4())
        json_format.ParseDict(fields, request)
        return self.send(channel, role, method, request, metadata)

    def send(self, channel, role: str, method: str, request, metadata=()):
        metadata = (*bearer(self.tokens.get(role, role)), *metadata)
        try:
            self.api.call(channel, method, request, metadata)
        except grpc.RpcError as error:
            trailing = dict(error.trailing_metadata() or ())
            return error.code().name, trailing.get("x-request-id")
        return "OK", None

    def quotactl(self, server: Server, role: str, *arguments: str) -> subprocess.CompletedProcess:
        env = {"HOME": str(self.folder), "PATH": os.environ["PATH"]}
        env |= {"QUOTAPLANE_TOKEN": self.tokens[role], "QUOTAPLANE_SERVER": server.address}
        return subprocess.run(
            [OPTIONS.quotactl, *arguments], capture_output=True, text=True, timeout=60, env=env
        )


class FormatTest(LogsCase):
    def test_every_line_is_json_for_machines(self) -> None:
        server = self.start("json", level="debug")
        channel = self.channel(server)
        for method in ("QuotaService/Reserve", "AdminService/ListKeys", "PingService/Ping"):
            self.call(channel, "viewer", method)
        messages = [line["message"] for line in self.lines(server)]
        self.assertTrue(any(m.startswith("metrics on http://") for m in messages), messages)
        self.assertGreaterEqual(messages.count("a call ended"), 3)

    def test_text_for_people_at_a_terminal(self) -> None:
        for colour, env in ((True, {}), (False, {"NO_COLOR": "1"})):
            folder = self.folder / f"tty-{colour}"
            folder.mkdir()
            ours, theirs = pty.openpty()
            process = subprocess.Popen(
                [OPTIONS.program, "serve", "--data-dir", folder, "--listen", "127.0.0.1:0"]
                + ["--metrics-listen", "127.0.0.1:0"],
                stdout=subprocess.PIPE,
                stderr=theirs,
                text=True,
                env={"PATH": os.environ["PATH"], "TERM": "xterm", **env},
            )
            os.close(theirs)
            self.assertIn("ready: listening on", process.stdout.readline())
            process.terminate()
            process.stdout.close()
            self.assertEqual(process.wait(timeout=30), 0)
            text = ""
            try:
                while more := os.read(ours, 1 << 16):
                    text += more.decode()
            except OSError:  # the end of a terminal
                pass
            os.close(ours)
            plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
            self.assertRegex(plain, r"(?m)^\d{4}-\S+ info metrics on http://\S+/metrics\r$")
            self.assertRegex(plain, r"(?m)^\S+ warning without --auth ")
            self.assertEqual("\x1b[33mwarning\x1b[0m" in text, colour, text)


class RequestIdTest(LogsCase):
    def test_a_call_that_fails_can_be_found(self) -> None:
        server = self.start("ids", level="debug")
        channel = self.channel(server)
        # On the hot path, on the other, and one that no gate lets in.
        for role, method, code in (
            ("gateway", "QuotaService/Reserve", "INVALID_ARGUMENT"),
            ("viewer", "AdminService/CreateKey", "PERMISSION_DENIED"),
            (new_token(), "ReportService/QueryUsage", "UNAUTHENTICATED"),
        ):
            id = f"req-{uuid.uuid4()}"
            outcome = self.call(channel, role, method, (("x-request-id", id),))
            self.assertEqual(outcome, (code, id))
            wait_until(lambda id=id: self.of_call(server, id), "it is in the log")
            (line,) = self.of_call(server, id)
            self.assertEqual(line["method"], f"/quotaplane.v1.{method}")
            self.assertEqual((line["status"], line["level"]), (code, "debug"))
            self.assertGreaterEqual(int(line["took_us"]), 0)

    def test_an_id_is_made_where_there_is_none_that_will_do(self) -> None:
        server = self.start("made", level="debug")
        channel = self.channel(server)
        token = new_token()
        self.secrets.append(token)
        bad = ("", "a b", "x" * 65, "x\"y", "a/b", token, f"qpk_{'a' * 8}_b", "eyJhbGciOi.e")
        for value in (None, *bad):
            metadata = () if value is None else (("x-request-id", value),)
            for method in ("QuotaService/Reserve", "AdminService/CreateKey"):
                _, id = self.call(channel, "viewer", method, metadata)
                self.assertRegex(id, MADE_ID, value)
        _, id = self.call(channel, "viewer", "QuotaService/Reserve", (("x-request-id", "x" * 64),))
        self.assertEqual(id, "x" * 64)
        twice = (("x-request-id", "one"), ("x-request-id", "two"))
        self.assertRegex(self.call(channel, "viewer", "QuotaService/Reserve", twice)[1], MADE_ID)
        self.assertNotIn(token, server.log())

    def test_a_trace_names_its_calls(self) -> None:
        server = self.start("traces")
        channel = self.channel(server)
        for parent, known in (
            (f"00-{TRACE}-00f067aa0ba902b7-01", True),
            (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
            (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", False),
            (f"00-{TRACE}", False),
            ("x" * 55, False),
        ):
            _, id = self.call(channel, "viewer", "QuotaService/Reserve", (("traceparent", parent),))
            self.assertEqual(id == TRACE, known, parent)
            self.assertRegex(id, MADE_ID)


class RepeatedErrorsTest(LogsCase):
    def test_an_outage_is_a_few_lines_and_how_many_there_were(self) -> None:
        calls = 40
        away = "postgres://nobody@127.0.0.1:1/none?connect_timeout=1"
        server = self.start("away", "--ledger", away)
        channel = self.channel(server)
        span = {"fromTime": "2026-01-01T00:00:00Z", "toTime": "2026-02-01T00:00:00Z"}
        ids = {f"q-{i}" for i in range(calls)}
        for id in ids:
            outcome = self.call(
                channel, "finance", "ReportService/QueryUsage", (("x-request-id", id),), **span
            )
            self.assertEqual(outcome, ("UNAVAILABLE", id))

        def of_reports() -> list[dict]:
            lines = self.lines(server)
            return [line for line in lines if line["source"].startswith("services/reports/")
                    and line["message"].startswith("report: ")]  # fmt: skip

        def told() -> int:
            return sum(line.get("left_out", 1) for line in of_reports())

        wait_until(lambda: told() == calls, "each call is written, or counted")
        written = [line for line in of_reports() if "left_out" not in line]
        counted = [line for line in of_reports() if "left_out" in line]
        self.assertLessEqual(len(counted), 2)
        self.assertLessEqual(len(written), 20)
        # Those that are written say of which call they are.
        self.assertLessEqual({line["request_id"] for line in written}, ids)
        self.assertEqual(
            {line["method"] for line in written}, {"/quotaplane.v1.ReportService/QueryUsage"}
        )
        # Metrics have them too, with what else was left out meanwhile.
        left_out = sum(line["left_out"] for line in counted)
        self.assertGreaterEqual(self.suppressed(server, "error"), left_out)
        self.assertGreaterEqual(left_out, calls - 20)

    def test_what_the_libraries_say_is_sampled_like_the_rest(self) -> None:
        """Anybody who reaches the port makes gRPC say that it is no TLS."""
        strangers = 100
        cert, key = Authority(self.folder, "authority").issue("127.0.0.1", "IP:127.0.0.1")
        server = self.start("tls", "--tls-cert", cert, "--tls-key", key)
        host, _, port = server.address.rpartition(":")
        for _ in range(strangers):
            with socket.create_connection((host, int(port)), timeout=20) as stranger:
                stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
                try:
                    while stranger.recv(1 << 10):
                        pass
                except ConnectionError:
                    pass

        def said() -> list[dict]:
            return [line for line in self.lines(server) if line["message"].startswith("gRPC: ")]

        wait_until(
            lambda: sum(line.get("left_out", 1) for line in said()) >= strangers,
            "each stranger is written, or counted",
        )
        self.assertLessEqual(len([line for line in said() if "left_out" not in line]), 20)
        self.assertGreater(self.suppressed(server, "warning"), 0)

    def suppressed(self, server: Server, level: str) -> int:
        url = re.search(r"metrics on (http://\S+/metrics)", server.log()).group(1)
        with urllib.request.urlopen(url, timeout=20) as answer:
            text = answer.read().decode()
        name = rf'quotaplane_log_lines_suppressed_total\{{level="{level}"\}}'
        return int(re.search(rf"(?m)^{name} (\d+)$", text).group(1))


class LevelTest(LogsCase):
    """Replicas of one control plane, and one that reports, which has no part in it."""

    def start_all(self) -> None:
        path = self.folder / "redis.sock"
        redis = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", path, "--save", ""]
            + ["--dir", self.folder],
            stdout=subprocess.DEVNULL,
        )
        self.addCleanup(redis.wait)
        self.addCleanup(redis.kill)
        wait_until(path.exists, "redis-server listens")
        ledger = ("--ledger", f"sqlite:{self.folder / 'ledger.db'}")
        shared = ("--redis", f"unix://{path}", *ledger)
        self.one = self.start("one", *shared)
        self.two = self.start("two", *shared, "--roles", "quota")
        self.reports = self.start("reports", *ledger, "--roles", "reports")
        self.servers = [self.one, self.two, self.reports]
        self.channels = {server: self.channel(server) for server in self.servers}

    def is_debug(self, server: Server) -> bool:
        id = uuid.uuid4().hex
        method = "ReportService/QueryUsage" if server is self.reports else "QuotaService/GetUsage"
        self.call(self.channels[server], "viewer", method, (("x-request-id", id),))
        return bool(self.of_call(server, id))

    def each(self, debug: bool) -> bool:
        return all(self.is_debug(server) == debug for server in self.servers)

    def test_levels_change_on_every_replica_and_come_back(self) -> None:
        self.start_all()
        self.assertTrue(self.each(False))
        done = self.quotactl(self.one, "viewer", "log", "level")
        self.assertEqual((done.returncode, done.stdout), (0, "Servers log as they were started.\n"))

        begun = time.monotonic()
        call = ("log", "level", "debug", "--for", "1h", "--reason", "who is it?")
        done = self.quotactl(self.one, "admin", *call)
        said = r"^Servers log debug until \d{4}-\S+ \S+ UTC\.\n$"
        self.assertRegex(done.stdout, said, done.stderr)
        wait_until(lambda: self.each(True), "all log calls")
        self.assertLess(time.monotonic() - begun, 10)
        shown = self.quotactl(self.one, "viewer", "log", "level").stdout
        self.assertEqual(shown, done.stdout)
        # Who starts meanwhile does so, too.
        late = self.start(
            "late", "--redis", f"unix://{self.folder / 'redis.sock'}", "--roles", "quota"
        )
        self.channels[late] = self.channel(late)
        wait_until(lambda: self.is_debug(late), "the late one as well")

        done = self.quotactl(self.one, "admin", "log", "level", "default")
        self.assertEqual(done.stdout, "Servers log as they were started.\n", done.stderr)
        wait_until(lambda: self.each(False), "all are quiet again")

        audit = self.quotactl(self.one, "auditor", "audit", "list", "--deployment", "--json")
        rows = [r for r in json.loads(audit.stdout)["rows"] if r["action"] == "SetLogLevel"]
        self.assertEqual([row["outcome"] for row in rows], ["OK", "OK"], audit.stderr)
        self.assertEqual((rows[0]["actor"], rows[0]["reason"]), ("token:admin", "who is it?"))
        self.assertIn("debug", json.dumps(rows[0]))

    def test_debug_ends_by_itself(self) -> None:
        self.start_all()
        channel = self.channels[self.one]
        outcome = self.call(
            channel, "admin", "AdminService/SetLogLevel", level="LOG_LEVEL_DEBUG", seconds="6"
        )
        self.assertEqual(outcome[0], "OK")
        wait_until(lambda: self.each(True), "all log calls")
        wait_until(lambda: self.each(False), "all are quiet again")
        shown = self.quotactl(self.one, "viewer", "log", "level").stdout
        self.assertEqual(shown, "Servers log as they were started.\n")

    def test_errors_alone(self) -> None:
        self.start_all()
        done = self.quotactl(self.one, "admin", "log", "level", "error")
        self.assertEqual(done.stdout, "Servers log error.\n", done.stderr)

    def test_only_an_admin_of_the_deployment_may(self) -> None:
        server = self.start("may")
        channel = self.channel(server)
        for role in ("viewer", "auditor", "finance", "gateway"):
            outcome = self.call(channel, role, "AdminService/SetLogLevel", level="LOG_LEVEL_ERROR")
            self.assertEqual(outcome[0], "PERMISSION_DENIED", role)


class PrivacyTest(LogsCase):
    """Everything that a client can say has the canary in it, at the level that says most."""

    def subject(self) -> dict:
        return {
            "org": "acme",
            "team": CANARY,
            "project": CANARY,
            "user": f"{CANARY}@example.com",
            "apiKey": CANARY,
            "model": CANARY,
            "labels": {"prompt": f"{CANARY} Dear doctor,", CANARY: "x", "agent": CANARY},
        }

    def requests(self) -> list[tuple[str, str, dict]]:
        id = f"{CANARY}-1"
        subject, meters = self.subject(), {"meters": {"input": 5, CANARY: 1}}
        good = {**subject, "model": "small"}
        bad = {**subject, "user": NASTY}
        plain = {"meters": {"input": 5}}
        tried = [{"model": "small", "usage": {"meters": {"input": 5, CANARY: 2}}}]
        adjust = {"adjustmentId": CANARY, "reservationId": id, "actor": CANARY, "takeBackAll": True}
        yaml = f"limits: [{{id: {CANARY}, per: [{CANARY}]}}]"
        raised = [{"limitId": CANARY, "amount": "5"}]
        return [
            ("gateway", "QuotaService/Reserve", {"reservationId": id, "subject": subject}),
            *(
                (
                    "gateway",
                    "QuotaService/Reserve",
                    {"reservationId": i, "subject": s, "estimate": e},
                )
                for i, s, e in (
                    (id, good, plain),
                    (f"{id}-2", subject, meters),
                    (NASTY, bad, meters),
                    (f"{id}-3", good, meters),
                )
            ),
            ("gateway", "QuotaService/Reserve", {"reservationId": id, "key": f"qpk_{CANARY}_x"}),
            (
                "gateway",
                "QuotaService/Commit",
                {"reservationId": id, "subject": good, "attempts": tried},
            ),
            ("gateway", "QuotaService/Commit", {"reservationId": NASTY, "subject": bad}),
            ("gateway", "QuotaService/Release", {"reservationId": NASTY}),
            ("gateway", "QuotaService/Release", {"reservationId": CANARY}),
            ("gateway", "QuotaService/Check", {"subject": subject, "estimate": meters}),
            ("viewer", "QuotaService/GetUsage", {"subject": subject}),
            ("admin", "AdminService/CreateDraft", {"yaml": yaml, "reason": CANARY}),
            ("admin", "AdminService/CreateDraft", {"yaml": NASTY, "reason": NASTY}),
            ("admin", "AdminService/CreateKey", {"key": {"team": CANARY, "user": NASTY}}),
            ("admin", "AdminService/CreateKey", {"key": {"displayName": CANARY}, "reason": CANARY}),
            ("admin", "AdminService/GetKey", {"keyId": CANARY}),
            ("admin", "AdminService/CreatePriceBook", {"yaml": CANARY, "reason": CANARY}),
            ("admin", "AdminService/ApplyState", {"yaml": NASTY, "reason": CANARY}),
            ("viewer", "AdminService/GetLimit", {"limitId": CANARY, "scope": {"user": CANARY}}),
            (
                "viewer",
                "AdminService/RequestException",
                {"scope": {"user": CANARY}, "raises": raised, "reason": CANARY, "endTime": FAR},
            ),
            ("viewer", "AdminService/CreateKey", {"key": {"user": CANARY}}),
            ("admin", "LedgerService/EraseUser", {"user": subject["user"], "actor": CANARY}),
            ("finance", "LedgerService/Adjust", {**adjust, "reason": CANARY}),
            ("finance", "ReportService/QueryUsage", {"pageToken": CANARY}),
            ("viewer", "AlertService/GetAlert", {"alertId": CANARY}),
            ("admin", "AlertService/AcknowledgeAlert", {"alertId": "A-1", "comment": CANARY}),
        ]

    def attack(self, server: Server) -> set[str]:
        """Codes of the answers."""
        channel = self.channel(server)
        metadata = (("x-prompt", CANARY), ("x-canary", CANARY), ("x-request-id", f"{CANARY} !"))
        asked = set()
        for role, method, fields in self.requests():
            request = self.api.request(method, "acme")
            if hasattr(request, "request_id"):
                request.request_id = f"{CANARY}-{uuid.uuid4()}"
            json_format.ParseDict(fields, request, ignore_unknown_fields=True)
            asked.add(self.send(channel, role, method, request, metadata)[0])
            self.send(channel, CANARY, method, request, metadata)
            # What is no message, and a method that there is none.
            raw = channel.unary_unary(self.api.methods[method][0], lambda b: b, lambda b: b)
            for path in (raw, channel.unary_unary(f"/{CANARY}/{CANARY}", lambda b: b, lambda b: b)):
                try:
                    path(f"\xff{CANARY}".encode(), timeout=20, metadata=metadata)
                except grpc.RpcError:
                    pass
        return asked

    def test_nothing_of_a_subject_is_in_the_log(self) -> None:
        server = self.start("good", level="debug")
        answers = self.attack(server)
        self.assertLessEqual({"OK", "NOT_FOUND", "INVALID_ARGUMENT", "PERMISSION_DENIED"}, answers)
        # It got far: what was used is in the books, with all that it was used by.
        data = self.folder / "good/data"
        wait_until(
            lambda: any(CANARY.encode() in p.read_bytes() for p in data.glob("ledger.db*")),
            "the ledger has it",
        )
        reserved = self.call(
            self.channel(server), "gateway", "QuotaService/Reserve",
            reservationId="r-last", subject={"model": "small"}, estimate={"meters": {"input": 1}},
        )  # fmt: skip
        self.assertEqual(reserved[0], "OK")
        ended = "/quotaplane.v1.QuotaService/Reserve"
        wait_until(
            lambda: any(line.get("method") == ended for line in self.lines(server)), "it is logged"
        )
        self.assert_clean(server)

    def test_nor_while_the_stores_are_away(self) -> None:
        away = ("--redis", "redis://127.0.0.1:1", "--ledger", "postgres://x@127.0.0.1:1/l")
        server = self.start("away", *away, level="debug")
        self.attack(server)
        self.assertTrue([line for line in self.lines(server) if line["level"] == "error"])
        self.assert_clean(server)

    def assert_clean(self, server: Server) -> None:
        for line in self.lines(server):
            self.assertNotIn(CANARY, json.dumps(line))
        self.assertNotIn("\x1b", server.log())
        self.assert_no_secret(server.log())


if __name__ == "__main__":
    main(__doc__)
