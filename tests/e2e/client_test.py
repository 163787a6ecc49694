#!/usr/bin/env python3
"""The public proto, driven from Python against a real server with its embedded Redis.

Usage: client_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import sys
import tempfile
import time
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from client_case import OPTIONS, POLICY, PRICES, USD, ClientCase, main
from python_client import CALL_TIMEOUT_S, Client, Server


class ClientTest(ClientCase):
    # Reserve and Commit

    def test_reserve_holds_and_commit_charges_what_was_used(self) -> None:
        answer = self.reserve("r1", team="search", user="ada")
        self.assertEqual(answer.decision, self.q.DECISION_ALLOW)
        self.assertEqual(answer.estimated_cost_nano_usd, 18_000_000)
        self.assertTrue(answer.HasField("expires_at"))
        self.assertFalse(answer.HasField("retry_after"))
        # A third of the requests is a larger share than 1.8% of the money.
        self.assertEqual([t.limit_id for t in answer.tightest], ["user-minute", "team-month"])
        self.assertEqual(answer.tightest[0].remaining, 2)
        self.assertEqual(answer.tightest[1].remaining, USD - 18_000_000)

        held = self.limits(team="search", user="ada")["team-month"]
        self.assertEqual((held.used, held.held, held.amount), (18_000_000, 18_000_000, USD))
        self.assertIn(f"org={self.org}", held.scope)
        self.assertIn("team=search", held.scope)

        done = self.commit("r1", team="search", user="ada")
        self.assertEqual((done.cost_nano_usd, done.held_nano_usd), (10_500_000, 18_000_000))
        self.assertFalse(done.late or done.unreserved or done.spooled or done.replayed)

        after = self.limits(team="search", user="ada")
        month = after["team-month"]
        self.assertEqual(
            (month.used, month.held, month.remaining), (10_500_000, 0, USD - 10_500_000)
        )
        self.assertTrue(month.HasField("resets_at"))
        self.assertEqual((after["user-minute"].used, after["user-minute"].held), (1, 0))

    def test_commit_past_the_hold_is_an_overrun(self) -> None:
        self.reserve("r", self.usage(input=100, output=100), team="t")
        done = self.commit("r", self.attempt(input=100, output=300), team="t")
        self.assertEqual(done.cost_nano_usd, 4_800_000)
        self.assertEqual(done.overrun_nano_usd, 3_000_000)
        self.assertEqual(done.overrun_tokens, 200)

    def test_several_attempts_are_priced_one_by_one_and_are_one_request(self) -> None:
        self.reserve("r", team="t", user="u")
        attempts = [self.attempt(input=1000), self.attempt("small", input=1000, output=1000)]
        done = self.commit("r", *attempts, team="t", user="u")
        self.assertEqual(done.cost_nano_usd, 3_000_000 + 1_500_000)
        self.assertEqual(self.limits(team="t", user="u")["user-minute"].used, 1)

    def test_commit_without_a_reservation_is_charged_and_says_so(self) -> None:
        done = self.commit("never-reserved", team="t")
        self.assertTrue(done.unreserved and done.late)
        self.assertEqual(self.limits(team="t")["team-month"].used, 10_500_000)

    def test_an_expired_hold_ends_and_its_commit_is_late_but_charged(self) -> None:
        self.reserve("r", ttl_s=1, team="t")
        end = time.monotonic() + 20
        while self.limits(team="t")["team-month"].held > 0 and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(self.limits(team="t")["team-month"].held, 0)
        done = self.commit("r", team="t")
        self.assertTrue(done.late)
        self.assertFalse(done.unreserved)
        self.assertEqual(self.limits(team="t")["team-month"].used, 10_500_000)

    # Retries and conflicts

    def test_a_retried_reserve_returns_the_stored_outcome_and_holds_once(self) -> None:
        first = self.reserve("r", team="t", user="u")
        self.assertEqual(self.reserve("r", team="t", user="u"), first)
        state = self.limits(team="t", user="u")
        self.assertEqual(state["team-month"].held, 18_000_000)
        self.assertEqual(state["user-minute"].used, 1)

    def test_a_retried_commit_charges_once(self) -> None:
        self.reserve("r", team="t")
        first = self.commit("r", team="t")
        again = self.commit("r", team="t")
        self.assertTrue(again.replayed and not first.replayed)
        again.replayed = False
        self.assertEqual(again, first)
        self.assertEqual(self.limits(team="t")["team-month"].used, 10_500_000)

    def test_an_id_stands_for_one_request(self) -> None:
        exists = grpc.StatusCode.ALREADY_EXISTS
        self.reserve("r", team="t")
        other = self.usage(input=1)
        self.assert_error(exists, "RESERVATION_MISMATCH", self.reserve, "r", other, team="t")
        self.commit("r", team="t")
        error = self.assert_error(
            exists, "RESERVATION_COMMITTED", self.commit, "r", self.attempt(input=7), team="t"
        )
        self.assertEqual(error.metadata["cost_nano_usd"], "10500000")
        self.assert_error(exists, "RESERVATION_COMMITTED", self.reserve, "r", team="t")
        self.assertEqual(self.limits(team="t")["team-month"].used, 10_500_000)

    def test_release_voids_and_is_idempotent(self) -> None:
        self.reserve("r", team="t", user="u")
        self.assertEqual(self.release("r").outcome, self.q.ReleaseResponse.OUTCOME_RELEASED)
        again = self.release("r")
        self.assertTrue(again.replayed)
        self.assertEqual(again.outcome, self.q.ReleaseResponse.OUTCOME_RELEASED)
        state = self.limits(team="t", user="u")
        self.assertEqual((state["team-month"].used, state["user-minute"].used), (0, 0))

    def test_wrong_states_are_distinct(self) -> None:
        failed = grpc.StatusCode.FAILED_PRECONDITION
        self.reserve("released")
        self.release("released")
        self.assert_error(failed, "RESERVATION_RELEASED", self.commit, "released")
        self.reserve("committed")
        self.commit("committed")
        self.assert_error(failed, "RESERVATION_COMMITTED", self.release, "committed")
        unknown = grpc.StatusCode.NOT_FOUND
        self.assert_error(unknown, "RESERVATION_UNKNOWN", self.release, "nobody")
        estimate = self.usage(output=1)
        self.assert_error(unknown, "RESERVATION_UNKNOWN", self.extend, "nobody", 1, estimate)
        self.reserve("open")
        self.assert_error(failed, "RESERVATION_HELD", self.record, "open")

    # Refusals

    def test_a_refusal_explains_itself_and_burns_nothing(self) -> None:
        for i in range(3):
            self.reserve(f"r{i}", team="t", user="u")
            self.commit(f"r{i}", team="t", user="u")
        denied = self.reserve("r3", team="t", user="u")
        self.assertEqual(denied.decision, self.q.DECISION_DENY)
        self.assertEqual(len(denied.exceeded), 1)
        why = denied.exceeded[0]
        self.assertEqual((why.limit_id, why.unit), ("user-minute", "requests"))
        self.assertEqual((why.used, why.needed, why.amount), (3, 1, 3))
        self.assertEqual(why.cause, self.q.CAUSE_LIMIT_EXCEEDED)
        self.assertEqual(why.on_exceed, self.q.ON_EXCEED_DENY)
        self.assertIn("user=u", why.scope)
        wait_s = denied.retry_after.ToMilliseconds() / 1000
        self.assertTrue(0 < wait_s <= 61, wait_s)
        self.assertAlmostEqual(why.fits_at.seconds - time.time(), wait_s, delta=5)
        self.assertFalse(denied.HasField("expires_at"))
        state = self.limits(team="t", user="u")
        self.assertEqual((state["team-month"].used, state["team-month"].held), (31_500_000, 0))
        self.assertEqual(state["user-minute"].used, 3)

    def test_all_or_nothing_over_every_limit(self) -> None:
        for i in range(2):
            self.reserve(f"r{i}", api_key="k", user=f"u{i}", team="t")
        denied = self.reserve(
            "r2", self.usage(output=100_000_000), api_key="k", user="u2", team="t"
        )
        self.assertEqual(denied.decision, self.q.DECISION_DENY)
        self.assertEqual([e.limit_id for e in denied.exceeded], ["team-month", "key-streams"])
        self.assertTrue(denied.exceeded[0].never_fits)
        self.assertFalse(denied.HasField("retry_after"))
        state = self.limits(api_key="k", user="u2", team="t")
        self.assertEqual((state["user-minute"].used, state["key-streams"].used), (0, 2))

    def test_a_soft_limit_admits_and_tells(self) -> None:
        answer = self.reserve("r", self.usage(output=1001), project="p")
        self.assertEqual(answer.decision, self.q.DECISION_ALLOW_SOFT)
        self.assertEqual([e.limit_id for e in answer.exceeded], ["project-day"])
        self.assertEqual(answer.exceeded[0].on_exceed, self.q.ON_EXCEED_SOFT)

    def test_a_downgrade_limit_names_the_model_to_use(self) -> None:
        estimate = self.usage(output=1000)
        denied = self.reserve("r", estimate, labels={"agent": "a"})
        self.assertEqual(denied.decision, self.q.DECISION_DENY)
        self.assertEqual(denied.downgrade_model, "small")
        model = denied.downgrade_model
        allowed = self.reserve("r", estimate, labels={"agent": "a"}, model=model)
        self.assertEqual(allowed.decision, self.q.DECISION_ALLOW)

    def test_models_that_may_not_run(self) -> None:
        ruled_out = self.reserve("r", team="interns")
        self.assertEqual(ruled_out.decision, self.q.DECISION_DENY)
        self.assertEqual(ruled_out.exceeded[0].cause, self.q.CAUSE_MODEL_NOT_ALLOWED)
        self.assertEqual(ruled_out.exceeded[0].limit_id, "interns-small-models")
        unpriced = self.reserve("r", model="unheard-of")
        self.assertEqual(unpriced.decision, self.q.DECISION_DENY)
        self.assertEqual(unpriced.exceeded[0].cause, self.q.CAUSE_MODEL_UNPRICED)

    # Extend, Record, Check

    def test_extend_raises_and_prolongs(self) -> None:
        first = self.reserve("r", self.usage(output=1000), ttl_s=60, team="t")
        longer = self.extend("r", 1, self.usage(output=2000), ttl_s=600, team="t")
        self.assertEqual(longer.decision, self.q.DECISION_ALLOW)
        self.assertEqual(longer.estimated_cost_nano_usd, 30_000_000)
        self.assertGreater(longer.expires_at.seconds, first.expires_at.seconds + 500)
        self.assertEqual(self.limits(team="t")["team-month"].held, 30_000_000)
        again = self.extend("r", 1, self.usage(output=2000), ttl_s=600, team="t")
        self.assertEqual(again.expires_at, longer.expires_at)
        self.assertEqual(self.limits(team="t")["team-month"].held, 30_000_000)

    def test_a_refused_extend_leaves_the_hold_as_it_was(self) -> None:
        self.reserve("r", self.usage(output=1000), team="t")
        cut = self.extend("r", 1, self.usage(output=100_000), team="t")
        self.assertEqual(cut.decision, self.q.DECISION_DENY)
        self.assertEqual([e.limit_id for e in cut.exceeded], ["team-month"])
        self.assertEqual(self.limits(team="t")["team-month"].held, 15_000_000)
        self.assertEqual(self.commit("r", team="t").cost_nano_usd, 10_500_000)

    def test_extend_sequences_only_go_up(self) -> None:
        self.reserve("r", self.usage(output=10))
        self.extend("r", 5, self.usage(output=20))
        stale = grpc.StatusCode.FAILED_PRECONDITION
        self.assert_error(
            stale, "EXTEND_SEQUENCE_STALE", self.extend, "r", 4, self.usage(output=30)
        )
        exists = grpc.StatusCode.ALREADY_EXISTS
        self.assert_error(
            exists, "RESERVATION_MISMATCH", self.extend, "r", 5, self.usage(output=99)
        )

    def test_record_charges_once_without_a_reservation(self) -> None:
        first = self.record("x", team="t")
        self.assertEqual((first.cost_nano_usd, first.replayed), (10_500_000, False))
        self.assertTrue(self.record("x", team="t").replayed)
        self.assertEqual(self.limits(team="t")["team-month"].used, 10_500_000)

    def test_check_answers_like_reserve_and_holds_nothing(self) -> None:
        request = self.q.CheckRequest(
            subject=self.subject(team="t"), estimate=self.usage(input=1000, output=1000)
        )
        fits = self.client.call("Check", request)
        self.assertEqual(fits.decision, self.q.DECISION_ALLOW)
        self.assertEqual(fits.estimated_cost_nano_usd, 18_000_000)
        request.estimate.meters["output"] = 100_000_000
        never = self.client.call("Check", request)
        self.assertEqual(never.decision, self.q.DECISION_DENY)
        self.assertTrue(never.exceeded[0].never_fits)
        self.assertEqual(self.limits(team="t")["team-month"].used, 0)

    # The rest of what a gRPC client expects

    def test_health(self) -> None:
        health = self.protos.health
        check = self.client.unary("/grpc.health.v1.Health/Check", health.HealthCheckResponse)
        for service in ("", "quotaplane.v1.QuotaService"):
            request = health.HealthCheckRequest(service=service)
            self.assertEqual(check(request, timeout=CALL_TIMEOUT_S).status, 1)
        unknown = health.HealthCheckRequest(service="nobody")
        self.assert_error(grpc.StatusCode.NOT_FOUND, "", check, unknown, timeout=CALL_TIMEOUT_S)

    def test_reflection_lists_the_service(self) -> None:
        r = self.protos.reflection
        path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        call = self.client.stream(path, r.ServerReflectionResponse)
        requests = [r.ServerReflectionRequest(list_services="*")]
        requests.append(r.ServerReflectionRequest(file_containing_symbol="quotaplane.v1.Subject"))
        names, files = list(call(iter(requests), timeout=CALL_TIMEOUT_S))
        services = {s.name for s in names.list_services_response.service}
        self.assertLessEqual({"quotaplane.v1.QuotaService", "grpc.health.v1.Health"}, services)
        self.assertIn(b"ReserveRequest", files.file_descriptor_response.file_descriptor_proto[0])

    def test_ping(self) -> None:
        ping = self.protos.ping
        call = self.client.unary("/quotaplane.v1.internal.PingService/Ping", ping.PingResponse)
        self.assertEqual(call(ping.PingRequest(), timeout=CALL_TIMEOUT_S), ping.PingResponse())

    def test_sigterm_ends_a_server_cleanly(self) -> None:
        with tempfile.TemporaryDirectory(prefix="qp-e2e-") as folder:
            server = Server(OPTIONS.program, Path(folder), POLICY, PRICES)
            client = Client(server.address, self.protos)
            client.call("GetUsage", self.q.GetUsageRequest(subject=self.subject()))
            self.assertEqual(server.stop(), 0)
            client.close()


if __name__ == "__main__":
    main(__doc__)
