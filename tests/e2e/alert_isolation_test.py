#!/usr/bin/env python3
"""People of one org, whatever their role there, neither see nor change any alert, silence or delivery
of another org or of the deployment, and no answer tells them what there is.

Usage: alert_isolation_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import sys
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import poll
from alert_people import ROLES, AlertPeople, ahead
from client_case import main

Code = grpc.StatusCode
READERS = {"viewer", "finance", "admin", "approver", "auditor"}
HANDLERS = {"finance", "admin", "approver"}
MAY = {
    "ListAlerts": READERS,
    "GetAlert": READERS,
    "WatchAlerts": READERS,
    "ListSilences": READERS,
    "ListDeliveries": READERS,
    "AcknowledgeAlert": HANDLERS,
    "ResolveAlert": HANDLERS,
    "GiveFeedback": HANDLERS,
    "CreateSilence": HANDLERS,
    "EndSilence": HANDLERS,
    "SendAgain": {"admin"},
    "TestDelivery": {"admin"},
}
IDS = {"alert_id": "A-999999", "silence_id": "S-999999", "delivery_id": 999_999}
SECRETS = ("gustav", "secret plan", "globex-only")


class AlertIsolationTest(AlertPeople):
    """Acme's people, each with one role or all of them, and Gus, who is everything at globex."""

    @classmethod
    def people(cls):
        people = {f"acme-{role}": ("acme", (role,)) for role in ROLES}
        people |= {f"root-{role}": ("*", (role,)) for role in ROLES}
        people |= {"acme-all": ("acme", ROLES), "gus": ("globex", ROLES), "root": ("*", ROLES)}
        return people

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.strangers = [f"acme-{role}" for role in ROLES] + ["acme-all"]

    def setUp(self) -> None:
        super().setUp()
        self.org = "globex"
        # What is there from a test before does not matter.
        if not hasattr(type(self), "alert"):
            type(self).alert = self.raised("gus", "globex", "gustav")
            type(self).delivery = self.gus("ListDeliveries").deliveries[0]
        self.silence = self.gus("CreateSilence", **self.silence_fields("globex-only"))
        self.before = self.state()

    def tearDown(self) -> None:
        self.assertEqual(self.state(), self.before)

    def gus(self, method: str, /, **fields):
        return self.by("gus", method, **{"org": "globex"} | fields)

    def state(self) -> tuple:
        return (
            self.gus("ListAlerts", page_size=1000),
            self.gus("ListSilences", ended=True, page_size=1000),
            self.gus("ListDeliveries", page_size=1000).deliveries[-1],
            self.by("root", "ListSilences", org="", ended=True, page_size=1000),
            self.sent_tests(),
        )

    def good(self, method: str) -> dict:
        """With the real ids of what globex has."""
        alert = {"alert_id": self.alert.alert_id}
        return {
            "GetAlert": alert,
            "AcknowledgeAlert": alert,
            "ResolveAlert": alert,
            "GiveFeedback": alert | {"feedback": "ALERT_FEEDBACK_EXPECTED"},
            "CreateSilence": {
                "matchers": [{"name": "user", "glob": "*"}],
                "end_time": ahead(hours=2),
                "reason": "x",
            },
            "EndSilence": {"silence_id": self.silence.silence_id},
            "SendAgain": {"delivery_id": self.delivery.delivery_id},
            "TestDelivery": {"receiver": "hook"},
        }.get(method, {})

    def test_no_role_of_one_org_is_one_of_another(self) -> None:
        self.assertEqual(set(MAY), set(self.of_alerts))
        log = len(self.audit(self.token("gus"), org="globex"))
        tried = 0
        for method in self.of_alerts:
            texts = set()
            # Globex itself, an org that nobody has heard of, the deployment.
            for org in ("globex", "initech", ""):
                for name in self.strangers:
                    fields = self.good(method)
                    if method != "TestDelivery":
                        fields = fields | {"org": org}
                        tried += org == "globex"
                    with self.subTest(method=method, org=org, name=name):
                        error = self.refused(
                            Code.PERMISSION_DENIED, "ROLE_MISSING", method, self.token(name), **fields
                        )
                        if org:
                            texts.add(error.message.replace(org, "ORG").replace(name, "WHO"))
                        for secret in (*SECRETS, self.alert.alert_id):
                            self.assertNotIn(secret, error.message)
            self.assertEqual(len(texts), 1, f"{method}: an org that is there is told by {texts}")
        poll(lambda: len(self.audit(self.token("gus"), org="globex")) == log + tried)
        rows = self.audit(self.token("gus"), org="globex")[log:]
        self.assertEqual({row.outcome for row in rows}, {"PERMISSION_DENIED ROLE_MISSING"})
        self.assertEqual({row.actor for row in rows}, {f"token:{name}" for name in self.strangers})

    def test_each_role_may_at_home_what_it_may(self) -> None:
        """With ids that nobody has, so that nothing happens to anything."""
        for method, roles in MAY.items():
            for role in ROLES:
                name = f"root-{role}" if method == "TestDelivery" else f"acme-{role}"
                fields = {} if method == "TestDelivery" else {"org": "acme"}
                fields = self.good(method) | fields
                fields |= {key: value for key, value in IDS.items() if key in fields}
                if method == "CreateSilence":
                    fields["end_time"] = ahead(days=40)
                if method == "TestDelivery":
                    fields["receiver"] = "nobody"
                if method == "WatchAlerts":
                    fields["after_sequence"] = -1
                with self.subTest(method=method, role=role):
                    if role not in roles:
                        self.refused(
                            Code.PERMISSION_DENIED, "ROLE_MISSING", method, self.token(name), **fields
                        )
                    elif method.startswith("List"):
                        self.by(name, method, **fields)
                    else:
                        code = Code.NOT_FOUND
                        if method in ("CreateSilence", "WatchAlerts"):
                            code = Code.INVALID_ARGUMENT
                        self.refused(code, "", method, self.token(name), **fields)

    def test_whoever_has_every_role_finds_nothing_of_another_under_its_id(self) -> None:
        tried = 0
        # The deployment's own people find nothing of globex's under no org, either.
        for name, org in (("acme-all", "acme"), ("root", "acme"), ("root", "")):
            for method, descriptor in self.of_alerts.items():
                for id, unknown in IDS.items():
                    if id not in descriptor.input_type.fields_by_name:
                        continue
                    texts = set()
                    for value in (unknown, self.good(method)[id]):
                        fields = self.good(method) | {"org": org, id: value}
                        error = self.refused(
                            Code.NOT_FOUND, "", method, self.token(name), **fields
                        )
                        texts.add(error.message.replace(str(value), "ID"))
                    self.assertEqual(len(texts), 1, f"{method}: {texts}")
                    tried += 1
        self.assertEqual(tried, 3 * 6)

    def test_lists_and_pages_are_an_orgs_own(self) -> None:
        self.raised("gus", "globex", f"gustav-{next(self.ids)}")
        self.gus("CreateSilence", **self.silence_fields("globex-only-2"))
        self.before = self.state()
        for method in ("ListAlerts", "ListSilences", "ListDeliveries"):
            token = self.gus(method, page_size=1).next_page_token
            self.assertTrue(token, method)
            for org in ("acme", ""):
                name = "root" if org == "" else "acme-all"
                error = self.refused(
                    Code.INVALID_ARGUMENT, "", method, self.token(name), org=org, page_token=token
                )
                self.assertEqual(set(error.violations), {"page_token"})
                seen = str(self.by(name, method, org=org, page_size=1000))
                for secret in (*SECRETS, "globex"):
                    self.assertNotIn(secret, seen)

    def test_a_watcher_sees_its_own_org(self) -> None:
        call = self.client.server_stream(
            "/quotaplane.v1.AlertService/WatchAlerts", self.alerts.Alert
        )
        request = self.alerts.WatchAlertsRequest(org="acme")
        metadata = [("authorization", f"Bearer {self.token('acme-viewer')}")]
        stream = call(request, timeout=60, metadata=metadata)
        # Globex's first: what acme's watcher sees after its own has come past those.
        theirs = self.raised("gus", "globex", f"gustav-{next(self.ids)}", told=False)
        self.gus("AcknowledgeAlert", alert_id=theirs.alert_id, comment="secret plan")
        user = f"alice-{next(self.ids)}"
        self.spend("root", "acme", user)
        seen = []
        for alert in stream:
            seen.append(alert)
            if alert.dimensions["user"] == user:
                break
        stream.cancel()
        self.assertEqual({alert.org for alert in seen}, {"acme"})
        self.before = self.state()

    def test_a_silence_is_of_its_org(self) -> None:
        silences = [
            self.by(name, "CreateSilence", org=org, matchers=[{"name": key, "glob": "*"}],
                    end_time=ahead(hours=1), reason="all of it")
            for name, org in (("acme-all", "acme"), ("root", "")) for key in ("user", "kind", "org")
        ]  # fmt: skip
        user = f"gustav-{next(self.ids)}"
        alert = self.raised("gus", "globex", user)  # and it was delivered
        self.assertEqual(alert.state, self.alerts.ALERT_STATE_FIRING)
        for silence in silences:
            name = "acme-all" if silence.org else "root"
            self.by(name, "EndSilence", org=silence.org, silence_id=silence.silence_id)
        self.before = self.state()

    def test_ids_of_requests_are_an_orgs_own(self) -> None:
        used = self.fresh()
        fields = self.silence_fields("globex-only")
        theirs = self.gus("CreateSilence", request_id=used, **fields)
        self.before = self.state()
        fields = self.silence_fields("alice") | {"reason": "ours"}
        ours = self.by("acme-all", "CreateSilence", org="acme", request_id=used, **fields)
        self.assertEqual(ours.org, "acme")
        self.assertNotEqual(ours.silence_id, theirs.silence_id)


if __name__ == "__main__":
    main(__doc__)
