#!/usr/bin/env python3
"""Every rule of every request of AlertService, broken: the error names the field and the rule,
nothing is changed or sent, and the attempt is in the audit log.

Usage: alert_bad_input_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import re
import sys
import uuid
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_bad_input_cases import Bad
from alert_bad_input_cases import CANNOT_BE_WRONG, CASES, WRITES
from alert_people import ALERT_STREAMS, ROLES, AlertPeople, ahead
from broken_requests import MAX_BYTES, WHY, BrokenRequests, place
from client_case import main
from python_client import CallError

Code = grpc.StatusCode


class AlertBadInputTest(BrokenRequests, AlertPeople):
    """Each method has somebody of its own who may call it."""

    @classmethod
    def people(cls):
        service = cls.protos.alerts.DESCRIPTOR.services_by_name["AlertService"]
        names = ["maker", *(method.name for method in service.methods)]
        return {name: ("*", ROLES) for name in names}

    def setUp(self) -> None:
        super().setUp()
        self.populate()

    def tearDown(self) -> None:
        self.assertEqual(self.state(), self.before)

    def made(self, method: str, /, **fields):
        return self.by("maker", method, **fields)

    def populate(self) -> None:
        """An alert that was told, and a silence of something else."""
        self.org = f"org-{next(self.orgs)}"
        self.alert = self.raised("maker", self.org, "alice")
        self.silence = self.made("CreateSilence", **self.silence_fields("bob"))
        self.delivery = self.made("ListDeliveries").deliveries[0]
        self.before = self.state()
        # Of the deployment, the tests before have rows too.
        self.deployment_rows = self.made("ListAudit", org="").last_number

    def good(self, method: str) -> dict:
        """What would be done, were nothing wrong with it."""
        alert = {"alert_id": self.alert.alert_id}
        fields = {
            "GetAlert": alert,
            "AcknowledgeAlert": alert,
            "ResolveAlert": alert,
            "GiveFeedback": alert | {"feedback": "ALERT_FEEDBACK_EXPECTED"},
            "CreateSilence": {
                "matchers": [{"name": "user", "glob": "alice"}],
                "end_time": ahead(hours=2),
            },
            "EndSilence": {"silence_id": self.silence.silence_id},
            "SendAgain": {"delivery_id": self.delivery.delivery_id},
            "TestDelivery": {"receiver": "hook"},
        }.get(method, {})
        for name in ("reason", "comment"):
            if name in self.methods[method].input_type.fields_by_name:
                fields.setdefault(name, WHY)
        return fields

    def state(self) -> tuple:
        """Everything that a change could change."""
        return (
            self.made("ListAlerts", page_size=1000),
            self.made("ListSilences", ended=True, page_size=1000),
            self.made("ListDeliveries", page_size=1000),
            self.made("ListSilences", org="", ended=True, page_size=1000),
            self.sent_tests(),
        )

    def test_every_field_of_every_method_has_its_cases(self) -> None:
        self.assertEqual(set(CASES), set(self.of_alerts))
        for name, method in self.of_alerts.items():
            tried = {bad.path for bad in CASES[name]}
            for field in method.input_type.fields:
                if field.name not in CANNOT_BE_WRONG:
                    self.assertIn(field.name, tried, name)
            has_id = "request_id" in method.input_type.fields_by_name
            self.assertEqual(has_id, name in WRITES)

    def attempt(self, method: str, bad: Bad) -> None:
        request = self.request(method, self.good(method))
        place(request, bad.path, bad.value)
        error = self.assert_error(
            bad.code, bad.reason, self.send, method, request, self.token(method)
        )
        self.assert_named(error, bad.named)
        self.assertIsNone(re.search("[x9]{65}", error.message), "values are quoted in part")

    def test_each_is_named_changes_nothing_and_is_in_the_log(self) -> None:
        tried = 0
        for method, cases in CASES.items():
            # An org of its own: of each, the log takes 600 refusals a minute.
            self.populate()
            audited = []
            for bad in cases:
                with self.subTest(method=method, path=bad.path, value=str(bad.value)[:60]):
                    self.attempt(method, bad)
                if method in WRITES or bad.code == Code.INVALID_ARGUMENT:
                    audited.append(bad)
                tried += 1
            with self.subTest(method=method, log=True):
                self.assert_in_the_log(method, audited)
            with self.subTest(method=method, state=True):
                self.assertEqual(self.state(), self.before)
        self.assertGreater(tried, 350)

    def test_several_at_once_are_all_named(self) -> None:
        request = self.request("CreateSilence", self.good("CreateSilence"))
        request.request_id = request.reason = ""
        request.matchers[0].name = "a\n"
        request.end_time.seconds = -1
        error = self.assert_error(
            Code.INVALID_ARGUMENT, "", self.send, "CreateSilence", request, self.token("maker")
        )
        self.assert_named(error, {"request_id", "reason", "matchers[0].name", "end_time"})

    def test_what_is_not_in_the_state_for_it_stays_as_it_is(self) -> None:
        resolved = self.made("ResolveAlert", **self.good("ResolveAlert"))
        self.before = self.state()
        error = self.refused(
            Code.FAILED_PRECONDITION, "WRONG_STATE", "AcknowledgeAlert", self.token("maker"),
            alert_id=resolved.alert_id,
        )  # fmt: skip
        self.assertEqual(error.metadata, {"state": "resolved"})
        error = self.refused(
            Code.FAILED_PRECONDITION, "WRONG_STATE", "SendAgain", self.token("maker"),
            **self.good("SendAgain"),
        )  # fmt: skip
        self.assertEqual(set(error.metadata), {"state"})

    def test_an_id_of_a_request_is_for_one_request(self) -> None:
        used = str(uuid.uuid4())
        self.made("EndSilence", silence_id=self.silence.silence_id, request_id=used)
        tested = str(uuid.uuid4())
        self.made("TestDelivery", receiver="hook", request_id=tested)
        self.before = self.state()
        for method in WRITES:
            fields = self.good(method) | {"request_id": used}
            if method == "TestDelivery":
                fields = {"receiver": "refuses", "request_id": tested}
            with self.subTest(method):
                self.refused(
                    Code.ALREADY_EXISTS, "REQUEST_ID_REUSED", method, self.token(method), **fields
                )
                rows = self.attempts(method)
                self.assertEqual([r.outcome for r in rows], ["ALREADY_EXISTS REQUEST_ID_REUSED"])

    def raw(self, method: str, request: bytes) -> None:
        response = self.methods[method].output_type._concrete_class
        metadata = [("authorization", f"Bearer {self.token(method)}")]
        path = f"/quotaplane.v1.AlertService/{method}"
        if method in ALERT_STREAMS:
            call = self.client.server_stream(path, response)
            list(call(request, timeout=20, metadata=metadata))
        else:
            self.client.unary(path, response)(request, timeout=20, metadata=metadata)

    def test_bytes_that_are_no_request(self) -> None:
        padding = b"\x92\x3e" + b"\x80\x80\x04" + b"p" * MAX_BYTES  # of a field that is unknown
        wrong = [b"\xff\xff\xff\xff", b"\x0b" * 30_000, b"\x0a\xff\x01a", padding]
        wrong.append(b"\x0a\x02\xc3\x28")  # a string that is not UTF-8
        for method, descriptor in self.of_alerts.items():
            for request in wrong:
                with self.subTest(method=method, request=request[:8]):
                    error = self.assert_error(Code.INVALID_ARGUMENT, "", self.raw, method, request)
                    self.assert_named(error, {descriptor.input_type.name})
            with self.subTest(method=method, log=True):
                rows = self.attempts(method, "?(")
                self.assertEqual({row.outcome for row in rows}, {"INVALID_ARGUMENT"})
                self.assertEqual(len(rows), len(wrong))

    def test_a_page_is_of_its_list(self) -> None:
        self.raised("maker", self.org, "bea")
        self.made("CreateSilence", **self.silence_fields("carl"))
        self.before = self.state()
        lists = ("ListAlerts", "ListSilences", "ListDeliveries")
        tokens = {method: self.made(method, page_size=1).next_page_token for method in lists}
        other = {"ListAlerts": {"kinds": [1]}, "ListSilences": {"ended": True},
                 "ListDeliveries": {"states": [2]}}  # fmt: skip
        for method, token in tokens.items():
            self.assertTrue(token, method)
            self.made(method, page_size=1000, page_token=token)
            strange = [tokens[another] for another in lists if another != method]
            strange += [token[:-1], token + "A", token.swapcase(), token[4:]]
            fields = [{"page_token": each} for each in strange]
            fields += [each | {"page_token": token} for each in ({"org": "globex"}, other[method])]
            for each in fields:
                with self.subTest(method=method, fields=each):
                    error = self.refused(
                        Code.INVALID_ARGUMENT, "", method, self.token(method), **each
                    )
                    self.assert_named(error, {"page_token"})

    def test_what_lies_on_a_bound_is_taken(self) -> None:
        name, text = "é" * 64, "é" * 500
        fields = self.silence_fields("x") | {
            "matchers": [{"name": f"{i:080}", "glob": name} for i in range(16)],
            "end_time": ahead(days=31, seconds=-5),
            "reason": text,
        }
        made = self.made("CreateSilence", org=name, request_id=name, **fields)
        self.assertEqual((made.org, made.reason, len(made.matchers)), (name, text, 16))
        alert = self.made("AcknowledgeAlert", alert_id=self.alert.alert_id, comment=text)
        self.assertEqual(alert.comment, text)
        for size in (0, 1, 1000):
            self.made("ListAlerts", page_size=size, states=[1, 2, 3, 4], kinds=[1, 2, 3, 4, 5])
        number = self.alert.alert_id.removeprefix("A-")
        for id in (number, f"a-{number}", f"A-000{number}"):
            self.assertEqual(self.made("GetAlert", alert_id=id).alert_id, self.alert.alert_id)
        self.before = self.state()


if __name__ == "__main__":
    main(__doc__)
