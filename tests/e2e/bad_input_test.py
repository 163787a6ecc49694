#!/usr/bin/env python3
"""Every broken rule is INVALID_ARGUMENT, names its field in a BadRequest, and changes nothing.

Usage: bad_input_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import sys
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from client_case import ClientCase, main

MAX_BYTES = 64 * 1024
TOO_LONG = "x" * 129
CONTROL = "a\u0007b"


class BadInputTest(ClientCase):
    def setUp(self) -> None:
        super().setUp()
        self.record("before", team="t", user="u")
        self.before = self.limits(team="t", user="u")

    def tearDown(self) -> None:
        self.assertEqual(self.limits(team="t", user="u"), self.before)

    def assert_refused(self, method: str, request, *fields: str) -> dict[str, str]:
        error = self.assert_error(
            grpc.StatusCode.INVALID_ARGUMENT, "", self.client.call, method, request
        )
        self.assertEqual(set(error.violations), set(fields))
        for field, rule in error.violations.items():
            self.assertTrue(rule)
            self.assertIn(field, error.message)
        return error.violations

    def good_reserve(self):
        return self.q.ReserveRequest(
            reservation_id="r",
            subject=self.subject(team="t", user="u"),
            estimate=self.usage(input=10, output=10),
        )

    def assert_reserve_refused(self, change, *fields: str) -> None:
        request = self.good_reserve()
        change(request)
        with self.subTest(fields):
            self.assert_refused("Reserve", request, *fields)

    def test_ids_and_subjects(self) -> None:
        for field in ("team", "project", "user", "api_key", "model", "org"):
            for bad in (TOO_LONG, CONTROL, "\x7f", "\u0085"):
                self.assert_reserve_refused(
                    lambda r, f=field, b=bad: setattr(r.subject, f, b), f"subject.{field}"
                )
        for bad in ("", TOO_LONG, CONTROL):
            self.assert_reserve_refused(
                lambda r, b=bad: setattr(r, "reservation_id", b), "reservation_id"
            )
        for field in ("org", "model"):
            self.assert_reserve_refused(
                lambda r, f=field: r.subject.ClearField(f), f"subject.{field}"
            )
        self.assert_reserve_refused(
            lambda r: r.ClearField("subject"), "subject.org", "subject.model"
        )

    def test_a_length_of_128_bytes_is_the_last_that_fits(self) -> None:
        request = self.q.CheckRequest(subject=self.subject(team="é" * 64))
        self.client.call("Check", request)
        request.subject.team += "x"
        self.assert_refused("Check", request, "subject.team")

    def test_labels(self) -> None:
        for key in ("", "Upper", "1st", "with space", "a" * 64, "a\nb"):
            request = self.good_reserve()
            request.subject.labels[key] = "v"
            with self.subTest(key):
                error = self.assert_error(
                    grpc.StatusCode.INVALID_ARGUMENT, "", self.client.call, "Reserve", request
                )
                self.assertEqual(len(error.violations), 1)
                self.assertTrue(next(iter(error.violations)).startswith("subject.labels["))
        for value in (TOO_LONG, CONTROL):
            self.assert_reserve_refused(
                lambda r, v=value: r.subject.labels.update({"agent": v}), 'subject.labels["agent"]'
            )
        self.assert_reserve_refused(
            lambda r: r.subject.labels.update({f"l{i}": "v" for i in range(17)}), "subject.labels"
        )

    def test_meters(self) -> None:
        for quantity in (-1, 1 << 53, -(1 << 63), (1 << 63) - 1):
            self.assert_reserve_refused(
                lambda r, n=quantity: r.estimate.meters.update({"input": n}),
                'estimate.meters["input"]',
            )
        self.assert_reserve_refused(
            lambda r: r.estimate.meters.update({"Upper": 1}), 'estimate.meters["Upper"]'
        )
        self.assert_reserve_refused(
            lambda r: r.estimate.meters.update({f"m{i}": 1 for i in range(17)}), "estimate.meters"
        )

    def test_every_call_checks_what_it_is_given(self) -> None:
        """One wrong field after the other, in every call that has it."""
        q = self.q
        subject = {"subject": self.subject()}
        attempts = {"attempts": [self.attempt(input=1)]}
        estimate = {"estimate": self.usage(input=1)}
        good = {
            "Reserve": q.ReserveRequest(reservation_id="r", **subject, **estimate),
            "Extend": q.ExtendRequest(reservation_id="r", sequence=1, **subject, **estimate),
            "Commit": q.CommitRequest(reservation_id="r", **subject, **attempts),
            "Record": q.RecordRequest(record_id="r", **subject, **attempts),
            "Release": q.ReleaseRequest(reservation_id="r", org=self.org),
            "Check": q.CheckRequest(**subject, **estimate),
            "GetUsage": q.GetUsageRequest(**subject),
        }
        texts = ("reservation_id", "record_id", "org")
        texts += tuple(f"subject.{name}" for name in ("org", "team", "project", "user", "api_key"))
        texts += ("subject.model", "attempts[0].model")
        changes = [(path, bad) for path in texts for bad in (TOO_LONG, CONTROL, "\x7f", "\u0085")]
        changes += [("service_tier", 99), ("attempts[0].service_tier", -1)]
        tried = 0
        for method, request in good.items():
            for path, value in changes:
                broken = type(request)()
                broken.CopyFrom(request)
                holder, name = broken, path
                if path.startswith("attempts[0]."):
                    holder, name = getattr(broken, "attempts", [None])[0], path.split(".")[1]
                elif path.startswith("subject."):
                    holder, name = getattr(broken, "subject", None), path.split(".")[1]
                if holder is None or name not in holder.DESCRIPTOR.fields_by_name:
                    continue
                setattr(holder, name, value)
                with self.subTest(method=method, path=path, value=value):
                    self.assert_refused(method, broken, path)
                tried += 1
        self.assertGreater(tried, 150)

    def test_what_lies_on_a_bound_is_accepted(self) -> None:
        subject = self.subject(
            user="🙂" * 32, labels={"l" * 62 + c: "v" * 128 for c in "abcdefghijklmnop"}
        )
        request = self.q.ReserveRequest(
            reservation_id="r" * 128,
            subject=subject,
            estimate=self.usage(**{f"m{i}": (1 << 53) - 1 for i in range(16)}),
        )
        for seconds in (1, 86_400):
            request.ttl.FromSeconds(seconds)
            request.reservation_id = f"{seconds:0128}"
            answer = self.client.call("Reserve", request)
            self.assertEqual(answer.decision, self.q.DECISION_ALLOW)
        attempts = [self.attempt(**{f"m{i}": (1 << 53) - 1 for i in range(16)})] * 16
        commit = self.q.CommitRequest(reservation_id=request.reservation_id, subject=subject)
        commit.attempts.extend(attempts)
        self.assertFalse(self.client.call("Commit", commit).late)

    def test_very_many_violations_are_told_as_far_as_a_client_takes_them(self) -> None:
        request = self.q.CommitRequest(reservation_id="", subject=self.subject())
        wrong = {f"M{i}" + "x" * 60: -1 for i in range(16)}
        request.attempts.extend([self.attempt("\n", **wrong)] * 16)
        error = self.assert_error(
            grpc.StatusCode.INVALID_ARGUMENT, "", self.client.call, "Commit", request
        )
        self.assertGreater(len(error.violations), 10)
        self.assertIn("reservation_id", error.violations)
        self.assertRegex(error.message, r"; and \d+ more$")

    def test_an_estimate_whose_cost_overflows(self) -> None:
        self.assert_reserve_refused(
            lambda r: r.estimate.meters.update({"output": (1 << 53) - 1}), "estimate"
        )

    def test_ttl(self) -> None:
        for milliseconds in (-1, 0, 999, 86_400_001):
            self.assert_reserve_refused(
                lambda r, ms=milliseconds: r.ttl.FromMilliseconds(ms), "ttl"
            )

        def absurd(request) -> None:
            request.ttl.seconds = 1
            request.ttl.nanos = 2_000_000_000

        def past_a_day(request) -> None:
            request.ttl.seconds = 86_400
            request.ttl.nanos = 1

        def largest(request) -> None:
            request.ttl.seconds = (1 << 63) - 1

        for change in (absurd, past_a_day, largest):
            self.assert_reserve_refused(change, "ttl")

    def test_unknown_enum_values(self) -> None:
        self.assert_reserve_refused(lambda r: setattr(r, "service_tier", 99), "service_tier")

    def test_every_violation_is_named_at_once(self) -> None:
        def several(request) -> None:
            request.reservation_id = ""
            request.subject.team = CONTROL
            request.estimate.meters["input"] = -1

        self.assert_reserve_refused(
            several, "reservation_id", "subject.team", 'estimate.meters["input"]'
        )

    def test_extend(self) -> None:
        good = self.q.ExtendRequest(
            reservation_id="r", subject=self.subject(), sequence=1, estimate=self.usage(input=1)
        )
        for sequence in (0, -1, 1 << 53, (1 << 63) - 1):
            good.sequence = sequence
            rule = self.assert_refused("Extend", good, "sequence")["sequence"]
            self.assertIn("from 1 to 9007199254740991", rule)
        good.sequence = 1
        good.ttl.FromMilliseconds(999)
        self.assert_refused("Extend", good, "ttl")
        good.ClearField("ttl")
        good.sequence = 1
        good.ClearField("estimate")
        self.assert_refused("Extend", good, "estimate")

    def test_commit_and_record(self) -> None:
        good = self.q.CommitRequest(reservation_id="r", subject=self.subject(team="t", user="u"))
        good.attempts.append(self.attempt(input=1))
        good.attempts.append(self.attempt(output=-5))
        self.assert_refused("Commit", good, 'attempts[1].usage.meters["output"]')
        good.attempts[1].CopyFrom(self.attempt(TOO_LONG, output=5))
        self.assert_refused("Commit", good, "attempts[1].model")
        good.attempts[1].CopyFrom(self.attempt(output=(1 << 53) - 1))
        self.assert_refused("Commit", good, "attempts[1].usage")
        # Each fits, their sum does not: 9,000,000 USD twice.
        good.attempts[0].CopyFrom(self.attempt(output=600_000_000_000))
        good.attempts[1].CopyFrom(good.attempts[0])
        self.assert_refused("Commit", good, "attempts")
        del good.attempts[1]
        good.subject.ClearField("model")
        self.assert_refused("Commit", good, "attempts[0].model")
        good.subject.model = "large"
        good.attempts.extend([self.attempt(input=1)] * 16)
        self.assert_refused("Commit", good, "attempts")
        record = self.q.RecordRequest(subject=good.subject, attempts=good.attempts[:1])
        self.assert_refused("Record", record, "record_id")

    def test_release_check_and_usage(self) -> None:
        self.assert_refused("Release", self.q.ReleaseRequest(reservation_id="r"), "org")
        self.assert_refused("Release", self.q.ReleaseRequest(org=self.org), "reservation_id")
        self.assert_refused("Check", self.q.CheckRequest(), "subject.org", "subject.model")
        self.assert_refused("GetUsage", self.q.GetUsageRequest(), "subject.org")

    def test_messages_past_64_kib(self) -> None:
        request = self.good_reserve()
        # A message of unknown fields is a good one up to the limit.
        padding = MAX_BYTES - request.ByteSize() - 4
        fits = (
            request.SerializeToString()
            + b"\x92\x3e"
            + self.varint(padding - 1)
            + b"p" * (padding - 1)
        )
        self.assertEqual(len(fits), MAX_BYTES)
        self.client.call("Reserve", fits)
        self.release("r")
        self.assert_refused("Reserve", fits + b"\x98\x3e\x01", "ReserveRequest")
        for method in self.client.METHODS:
            with self.subTest(method):
                padding = b"\x92\x3e" + self.varint(MAX_BYTES) + b"p" * MAX_BYTES
                self.assert_refused(method, padding, f"{method}Request")

    def test_bytes_that_are_no_message(self) -> None:
        self.assert_refused("Reserve", b"\xff\xff\xff\xff", "ReserveRequest")
        # Field 1 (a string) that is not UTF-8.
        self.assert_refused("Reserve", b"\x0a\x02\xc3\x28", "ReserveRequest")
        # Groups within groups, and a message that ends in the middle.
        self.assert_refused("Reserve", b"\x0b" * 30_000, "ReserveRequest")
        whole = self.good_reserve().SerializeToString()
        self.assert_refused("Reserve", whole[:-1], "ReserveRequest")

    @staticmethod
    def varint(value: int) -> bytes:
        out = bytearray()
        while value >= 0x80:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes([*out, value])


class TooManyLimitsTest(ClientCase):
    POLICY = "defaults: {on_outage: deny}\nlimits:\n" + "".join(
        f"  - {{id: l{i}, per: [user], unit: requests, amount: 9, window: {i}s}}\n"
        for i in range(1, 258)
    )

    def test_is_an_error_that_says_so_and_changes_nothing(self) -> None:
        failed = grpc.StatusCode.FAILED_PRECONDITION
        for call in (self.reserve, self.commit, self.record):
            self.assert_error(failed, "TOO_MANY_LIMITS", call, "r", user="u")
        self.assert_error(failed, "TOO_MANY_LIMITS", self.limits, user="u")
        self.assert_error(grpc.StatusCode.NOT_FOUND, "RESERVATION_UNKNOWN", self.release, "r")
        # Nobody else is disturbed.
        self.assertEqual(self.reserve("r").decision, self.q.DECISION_ALLOW)


if __name__ == "__main__":
    main(__doc__)
