#!/usr/bin/env python3
"""`quotactl alert` against an AlertService that is played here: which request each command becomes,
what it makes of each answer, and how a watch goes on when its stream breaks.

Usage: alert_commands_test.py --quotactl QUOTACTL --protoc PROTOC [UNITTEST…]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent import futures
from pathlib import Path

import grpc
from google.protobuf import json_format

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from python_client import Protos

DONE, FAILED, WRONG_USE = 0, 1, 2
OPTIONS = argparse.Namespace()
ALERT = {
    "alert_id": "A-17",
    "org": "acme",
    "kind": "ALERT_KIND_ANOMALY",
    "rule_id": "spend",
    "severity": "ALERT_SEVERITY_CRITICAL",
    "state": "ALERT_STATE_FIRING",
    "scope": "{org=acme, user=alice}",
    "dimensions": {"user": "alice"},
    "summary": "12 times as much as usual",
    "unit": "usd",
    "expected": 5_000_000_000,
    "actual": 60_000_000_000,
    "contributors": [{"dimension": "model", "value": "large", "actual": 55_000_000_000}],
    "first_seen_time": "2026-11-26T14:00:00Z",
    "last_seen_time": "2026-11-26T14:05:00Z",
    "sequence": 70,
}
SILENCE = {
    "org": "acme",
    "silence_id": "S-3",
    "matchers": [{"name": "user", "glob": "alice"}],
    "end_time": "2100-01-01T00:00:00Z",
    "reason": "load test",
    "created_by": "token:ann",
}
DELIVERY = {
    "delivery_id": 42,
    "org": "acme",
    "receiver": "pager",
    "state": "DELIVERY_STATE_DEAD",
    "attempts": 31,
    "alerts": 1,
    "alert_ids": ["A-17"],
    "error": "it answered 500",
}


class Break(Exception):
    """How a call ends."""

    def __init__(self, code: grpc.StatusCode, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class PlayedService(grpc.GenericRpcHandler):
    """Writes down what it is asked, and gives the answers that the test has put down: dicts for
    messages, Break for an end; of a stream a list of them for each call."""

    def __init__(self, protos: Protos) -> None:
        self._protos = protos
        service = protos.alerts.DESCRIPTOR.services_by_name["AlertService"]
        self._methods = {f"/{service.full_name}/{m.name}": m for m in service.methods}
        self._answers: list = []
        self.asked: list[tuple[str, dict]] = []
        self.remaining_s: float | None = None  # of the last call; none: it has no deadline

    def expect(self, *answers: object) -> None:
        self._answers, self.asked = list(answers), []

    def service(self, details):
        method = self._methods[details.method]
        decode = method.input_type._concrete_class.FromString
        encode = method.output_type._concrete_class.SerializeToString

        def take(request):
            fields = json_format.MessageToDict(request, preserving_proto_field_name=True)
            self.asked.append((method.name, fields))
            return self._answers.pop(0)

        def message(answer, context):
            self.remaining_s = context.time_remaining()
            if isinstance(answer, Break):
                self._end(answer, context)
            return json_format.ParseDict(answer, method.output_type._concrete_class())

        def stream(request, context):
            for answer in take(request):
                yield message(answer, context)

        if method.name == "WatchAlerts":
            return grpc.unary_stream_rpc_method_handler(stream, decode, encode)
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: message(take(request), context), decode, encode
        )

    def _end(self, end: Break, context) -> None:
        status = self._protos.rpc_status.Status(code=end.code.value[0], message="so it is")
        info = self._protos.errors.ErrorInfo(reason=end.reason, domain="quotaplane")
        status.details.add().Pack(info)
        if end.reason:
            packed = ("grpc-status-details-bin", status.SerializeToString())
            context.set_trailing_metadata((packed,))
        context.abort(end.code, "so it is")


class AlertCommandsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-alert-commands-")
        cls.addClassCleanup(folder.cleanup)
        cls.protos = Protos(OPTIONS.protoc, Path(folder.name))
        cls.played = PlayedService(cls.protos)
        server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[cls.played])
        cls.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        cls.addClassCleanup(lambda: server.stop(None).wait())

    def command(self, arguments) -> dict:
        env = {"PATH": os.environ["PATH"], "QUOTAPLANE_SERVER": self.address}
        env["QUOTAPLANE_ORG"] = "acme"
        return {"args": [OPTIONS.quotactl, "alert", *map(str, arguments)], "env": env}

    def alert(self, *arguments: object, code: int = DONE):
        done = subprocess.run(
            **self.command(arguments), capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, code, f"{done.args}\n{done.stdout}\n{done.stderr}")
        return done

    def says(self, answer, *arguments: object, code: int = DONE) -> str:
        self.played.expect(answer)
        return self.alert(*arguments, code=code).stdout

    def json(self, kind: str, answer, *arguments: object) -> None:
        """Programs get the answer itself, as the public JSON, defaults written out."""
        text = self.says(answer, *arguments, "--json")
        message = json_format.ParseDict(answer, getattr(self.protos.alerts, kind)())
        full = json_format.MessageToDict(
            message, preserving_proto_field_name=True, including_default_value_fields=True
        )
        self.assertEqual(json.loads(text), full)

    def asked(self, answer, *arguments: object) -> dict:
        """The one request, without its id, which must be there if the method changes anything."""
        self.says(answer, *arguments)
        [(method, fields)] = self.played.asked
        reads = method.startswith(("List", "Get", "Watch"))
        self.assertNotEqual(reads, bool(fields.pop("request_id", "")), method)
        fields.pop("page_size", None)
        return {method: fields}

    def test_flags_become_requests(self) -> None:
        alert = {"org": "acme", "alert_id": "A-17"}
        why = {"comment": "the load test"}
        for answer, arguments, request in (
            ({}, ("list",), {"ListAlerts": {"org": "acme"}}),
            ({}, ("list", "--deployment"), {"ListAlerts": {}}),
            (
                {},
                ("list", "--org", "b", "--state", "firing", "--state", "silenced", "--kind",
                 "runaway", "--rule", "spend", "--since", "2026-11-01T12:00"),
                {
                    "ListAlerts": {
                        "org": "b",
                        "states": ["ALERT_STATE_FIRING", "ALERT_STATE_SILENCED"],
                        "kinds": ["ALERT_KIND_RUNAWAY"],
                        "rule_id": "spend",
                        "since": "2026-11-01T12:00:00Z",
                    }
                },
            ),
            (ALERT, ("show", "A-17"), {"GetAlert": alert}),
            (ALERT, ("ack", "A-17"), {"AcknowledgeAlert": alert}),
            (ALERT, ("ack", "A-17", "--comment", "the load test"), {"AcknowledgeAlert": alert | why}),
            (ALERT, ("resolve", "A-17", "--comment", "the load test"), {"ResolveAlert": alert | why}),
            (
                ALERT,
                ("feedback", "A-17", "not-expected", "--comment", "the load test"),
                {"GiveFeedback": alert | why | {"feedback": "ALERT_FEEDBACK_NOT_EXPECTED"}},
            ),
            (
                ALERT,
                ("feedback", "A-17", "expected", "--deployment"),
                {"GiveFeedback": {"alert_id": "A-17", "feedback": "ALERT_FEEDBACK_EXPECTED"}},
            ),
            ({}, ("silences",), {"ListSilences": {"org": "acme"}}),
            ({}, ("silences", "--ended"), {"ListSilences": {"org": "acme", "ended": True}}),
            (SILENCE, ("unsilence", "S-3"), {"EndSilence": {"org": "acme", "silence_id": "S-3"}}),
            (
                {},
                ("deliveries", "--state", "dead"),
                {"ListDeliveries": {"org": "acme", "states": ["DELIVERY_STATE_DEAD"]}},
            ),
            (DELIVERY, ("send-again", 42), {"SendAgain": {"org": "acme", "delivery_id": "42"}}),
            ({"delivered": True}, ("test", "pager"), {"TestDelivery": {"receiver": "pager"}}),
        ):  # fmt: skip
            with self.subTest(arguments):
                self.assertEqual(self.asked(answer, *arguments), request)

    def test_a_silence_has_an_end(self) -> None:
        before = time.time()
        asked = self.asked(
            SILENCE, "silence", "--match", "user=alice", "--match", "labels.session=ci=*", "--for",
            "2h", "--reason", "load test",
        )["CreateSilence"]  # fmt: skip
        end = self.protos.alerts.CreateSilenceRequest().end_time
        end.FromJsonString(asked.pop("end_time"))
        self.assertGreaterEqual(end.ToSeconds(), before + 7199)
        self.assertLessEqual(end.ToSeconds(), time.time() + 7200)
        matchers = [{"name": "user", "glob": "alice"}, {"name": "labels.session", "glob": "ci=*"}]
        self.assertEqual(asked, {"org": "acme", "matchers": matchers, "reason": "load test"})

    def test_request_ids(self) -> None:
        def id_of(*more: object) -> str:
            self.says(ALERT, "ack", "A-17", *more)
            return self.played.asked[0][1]["request_id"]

        self.assertEqual(id_of("--request-id", "ticket-7"), "ticket-7")
        self.assertNotEqual(id_of(), id_of())

    def test_what_may_pass_is_repeated_under_the_same_id(self) -> None:
        self.played.expect(Break(grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE"), ALERT)
        self.alert("resolve", "A-17")
        ids = [fields["request_id"] for _, fields in self.played.asked]
        self.assertEqual(len(ids), 2)
        self.assertEqual(len(set(ids)), 1)

    def test_people_get_tables(self) -> None:
        text = self.says({"alerts": [ALERT]}, "list")
        self.assertRegex(text, r"^ALERT  STATE   SEVERITY  KIND .*\nA-17   firing  critical  anomaly ")
        text = self.says(ALERT, "show", "A-17")
        self.assertRegex(text, r"\n +expected +\$5\.00\n +came +\$60\.00, 12\.0 times as much\n")
        self.assertRegex(text, r"\n  model +large +\$0\.00 +\$55\.00 +\+\$55\.00\n")
        self.assertIn("\n  quotactl alert ack A-17 --org acme ", text)
        silence = ("silence", "--match", "user=alice", "--for", "2h", "--reason", "x")
        text = self.says(SILENCE, *silence)
        self.assertRegex(text, r"Silence S-3 of acme\n +state +holds\n +match +user=alice\n")
        self.assertIn("\n  quotactl alert unsilence S-3 --org acme\n", text)
        self.assertIn("user=alice", self.says({"silences": [SILENCE]}, "silences"))
        text = self.says({"deliveries": [DELIVERY]}, "deliveries")
        self.assertRegex(text, r"\n +42  dead   pager +31 .* A-17 +it answered 500\n")
        self.assertIn("\n  quotactl alert send-again 42 --org acme\n", text)
        self.assertIn("Delivery 42 of acme\n", self.says(DELIVERY, "send-again", 42))

    def test_empty_lists_say_what_to_do_next(self) -> None:
        for arguments, first, command in (
            (("list",), "No alerts.", "quotactl alert watch --org acme"),
            (("list", "--kind", "runaway"), "No such alerts.", "quotactl alert list --org acme"),
            (("silences",), "No silences hold.", "quotactl alert silences --ended --org acme"),
            (("deliveries",), "Nothing was sent.", "quotactl alert test RECEIVER"),
            (
                ("deliveries", "--state", "dead"),
                "No such deliveries.",
                "quotactl alert deliveries --org acme",
            ),
        ):
            with self.subTest(arguments):
                text = self.says({}, *arguments)
                self.assertEqual(text.splitlines()[0], first)
                self.assertIn(command, text)

    def test_programs_get_json(self) -> None:
        self.json("ListAlertsResponse", {"alerts": [ALERT]}, "list")
        self.json("ListAlertsResponse", {}, "list")
        self.json("Alert", ALERT, "show", "A-17")
        self.json("Alert", ALERT, "ack", "A-17")
        self.json("Silence", SILENCE, "unsilence", "S-3")
        self.json("ListSilencesResponse", {"silences": [SILENCE]}, "silences")
        self.json("ListDeliveriesResponse", {"deliveries": [DELIVERY]}, "deliveries")
        self.json("Delivery", DELIVERY, "send-again", 42)
        self.json("TestDeliveryResponse", {"delivered": True, "took_us": 5}, "test", "pager")

    def test_lists_are_read_page_by_page(self) -> None:
        self.played.expect(
            {"alerts": [ALERT] * 3, "next_page_token": "p2"},
            {"alerts": [ALERT] * 2, "next_page_token": "p3"},
        )
        shown = json.loads(self.alert("list", "--most", 5, "--json").stdout)
        self.assertEqual((len(shown["alerts"]), shown["next_page_token"]), (5, "p3"))
        pages = [(f["page_size"], f.get("page_token")) for _, f in self.played.asked]
        self.assertEqual(pages, [(5, None), (2, "p2")])

    def test_a_test_message_that_is_not_taken_is_a_failure(self) -> None:
        self.assertIn("delivered: pager", self.says({"delivered": True}, "test", "pager"))
        refused = {"error": "connection refused", "took_us": 1200}
        text = self.says(refused, "test", "pager", code=FAILED)
        self.assertEqual(text, "not delivered: pager, after 1.20 ms: connection refused\n")

    def test_a_test_waits_for_what_the_server_waits_for_and_is_sent_once(self) -> None:
        self.says({"delivered": True}, "test", "pager")
        self.assertGreater(self.played.remaining_s, 12)
        self.says({"delivered": True}, "test", "pager", "--timeout", "5s")
        self.assertLessEqual(self.played.remaining_s, 5)
        self.played.expect(Break(grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE"))
        self.alert("test", "pager", code=FAILED)
        self.assertEqual(len(self.played.asked), 1)

    def test_wrong_flags_are_named(self) -> None:
        silence = ("silence", "--reason", "x")
        for arguments, named in (
            (("list", "--state", "over"), "--state"),
            (("list", "--kind", "odd"), "--kind"),
            (("list", "--since", "soon"), "--since"),
            (("list", "--most", "0"), "--most"),
            (("show",), "ALERT"),
            (("feedback", "A-17"), "VERDICT"),
            (("feedback", "A-17", "perhaps"), "VERDICT"),
            ((*silence, "--for", "2h"), "--match"),
            ((*silence, "--for", "2h", "--match", "alice"), "--match"),
            ((*silence, "--match", "user=alice"), "--for"),
            ((*silence, "--match", "user=alice", "--for", "long"), "--for"),
            (("silence", "--match", "user=alice", "--for", "2h"), "--reason"),
            (("send-again", "A-17"), "DELIVERY"),
            (("deliveries", "--state", "lost"), "--state"),
            (("test",), "RECEIVER"),
            ((), "subcommand"),
        ):
            with self.subTest(arguments):
                self.played.expect()
                done = self.alert(*arguments, code=WRONG_USE)
                self.assertIn(named, done.stderr)
                self.assertEqual((done.stdout, self.played.asked), ("", []))

    def test_errors_of_the_server(self) -> None:
        self.played.expect(Break(grpc.StatusCode.NOT_FOUND), Break(grpc.StatusCode.NOT_FOUND))
        done = self.alert("show", "A-9", code=FAILED)
        self.assertEqual((done.stdout, done.stderr), ("", "NOT_FOUND: so it is\n"))
        status = json.loads(self.alert("show", "A-9", "--json", code=FAILED).stdout)
        self.assertEqual((status["code"], status["message"]), (5, "so it is"))
        self.played.expect(Break(grpc.StatusCode.INVALID_ARGUMENT))
        self.alert("unsilence", "S-0", code=WRONG_USE)
        self.played.expect(Break(grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE"))
        self.assertIn("Nothing was changed", self.alert("ack", "A-9", code=FAILED).stderr)

    def test_a_watch_goes_on_from_where_it_was(self) -> None:
        ended = Break(grpc.StatusCode.UNAVAILABLE, "WATCH_ENDED")
        away = Break(grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE")
        over = Break(grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
        changed = ALERT | {"state": "ALERT_STATE_ACKNOWLEDGED", "sequence": 71}
        streams = ([ALERT, ended], [changed, away], [ALERT | {"sequence": 75}, over])
        self.played.expect(*streams)
        done = self.alert("watch", code=FAILED)
        asked = [fields.get("after_sequence", "0") for _, fields in self.played.asked]
        self.assertEqual(asked, ["0", "70", "71"])
        lines = done.stdout.splitlines()
        self.assertEqual([line.split()[2:5] for line in lines], [
            ["A-17", "firing", "critical"],
            ["A-17", "acknowledged", "critical"],
            ["A-17", "firing", "critical"],
        ])  # fmt: skip
        self.assertTrue(done.stderr.startswith("the server went away; trying again\nPERMISSION_"))
        self.played.expect(*streams)
        done = self.alert("watch", "--json", "--after", 9, "--deployment", code=FAILED)
        self.assertEqual(self.played.asked[0], ("WatchAlerts", {"after_sequence": "9"}))
        alerts = [json.loads(line) for line in done.stdout.splitlines()[:3]]
        self.assertEqual([alert["sequence"] for alert in alerts], ["70", "71", "75"])

    def test_a_watch_shows_each_line_at_once(self) -> None:
        shown = threading.Event()

        def stream():
            yield ALERT
            self.assertTrue(shown.wait(30), "the first line was held back")
            yield Break(grpc.StatusCode.PERMISSION_DENIED)

        self.played.expect(stream())
        watch = subprocess.Popen(
            **self.command(("watch",)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            self.assertIn("A-17", watch.stdout.readline())
            shown.set()
            self.assertEqual(watch.wait(timeout=30), FAILED)
        finally:
            watch.kill()
            watch.wait()
            watch.stdout.close()

    def test_a_watch_that_cannot_begin_says_so(self) -> None:
        self.played.expect([Break(grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE")])
        self.assertIn("LEDGER_UNAVAILABLE", self.alert("watch", code=FAILED).stderr)
        self.assertEqual(len(self.played.asked), 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    for name in ("quotactl", "protoc"):
        parser.add_argument(f"--{name}", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
