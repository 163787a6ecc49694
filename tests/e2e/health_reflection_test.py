#!/usr/bin/env python3
"""Health and reflection, which the server serves on its own queues, from another implementation
of gRPC.

Usage: health_reflection_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import queue
import sys
import tempfile
import time
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from client_case import OPTIONS, POLICY, PRICES, ClientCase, main
from python_client import CALL_TIMEOUT_S, CallError, Client, Server

CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
INFO = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
SERVICE = "quotaplane.v1.QuotaService"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3
TOO_LARGE = 64 * 1024
# The server's grace is three seconds. It may need them whatever its streams do: Python's gRPC reads
# the server's goodbye only while it has a call open.
DRAIN_S = 2


class Case(ClientCase):
    def request(self, service: str = SERVICE):
        return self.protos.health.HealthCheckRequest(service=service)

    def check(self, client: Client, request) -> int:
        call = client.unary(CHECK, self.protos.health.HealthCheckResponse)
        return call(request, timeout=CALL_TIMEOUT_S).status

    def watch(self, client: Client, request):
        call = client.server_stream(WATCH, self.protos.health.HealthCheckResponse)
        return call(request, timeout=60)

    def info(self, client: Client, requests, path: str = INFO):
        return client.stream(path, self.protos.reflection.ServerReflectionResponse)(
            requests, timeout=60
        )

    def ask(self, **question):
        request = self.protos.reflection.ServerReflectionRequest(**question)
        [answer] = list(self.info(self.client, iter([request])))
        return answer

    def assert_bad_request(self, message: str, call) -> None:
        with self.assertRaises(grpc.RpcError) as raised:
            call()
        error = CallError(raised.exception, self.protos)
        self.assertEqual(error.code, grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(list(error.violations), [message])


class HealthTest(Case):
    def test_check(self) -> None:
        for service in ("", SERVICE, "quotaplane.v1.ReportService", "quotaplane.v1.LedgerService"):
            self.assertEqual(self.check(self.client, self.request(service)), SERVING)
        for service in ("nobody", "quotaplane.v1.QuotaServic", "grpc.health.v1.Health"):
            unknown = self.request(service)
            self.assert_error(grpc.StatusCode.NOT_FOUND, "", self.check, self.client, unknown)

    def test_watch_stays_open_whether_the_service_is_known_or_not(self) -> None:
        expected = {"": SERVING, SERVICE: SERVING, "nobody": SERVICE_UNKNOWN}
        calls = []
        for service, status in expected.items():
            calls.append(self.watch(self.client, self.request(service)))
            self.assertEqual(next(calls[-1]).status, status)
        self.check(self.client, self.request())
        for call in calls:
            self.assertTrue(call.is_active())
            call.cancel()

    def test_a_broken_request_is_refused_by_name(self) -> None:
        for bad in (b"\x0a\x05ab", b"\x0a\x01\xff", self.request("x" * TOO_LARGE)):
            name = "HealthCheckRequest"
            self.assert_bad_request(name, lambda b=bad: self.check(self.client, b))
            self.assert_bad_request(name, lambda b=bad: next(self.watch(self.client, b)))

    def test_a_method_that_is_not_there(self) -> None:
        ping = self.protos.ping
        for path in (f"/{SERVICE}/Nothing", "/grpc.health.v1.Health/Nothing", "/nobody/Nothing"):
            call = self.client.unary(path, ping.PingResponse)
            self.assert_error(grpc.StatusCode.UNIMPLEMENTED, "", call, b"", timeout=CALL_TIMEOUT_S)

    def test_no_thread_but_the_queues_own_polls_for_requests(self) -> None:
        # The pollers of gRPC's callback API and of its synchronous API: each would read requests
        # that belong to a queue, and wake its thread for them.
        self.check(self.client, self.request())
        tasks = Path(f"/proc/{self.server.pid}/task").iterdir()
        names = [(task / "comm").read_text().strip() for task in tasks]
        self.assertIn("quotaplane", names)
        foreign = [n for n in names if n.startswith(("nexting_thread", "grpcpp_sync"))]
        self.assertEqual(foreign, [])


class ReflectionTest(Case):
    def test_lists_what_is_served(self) -> None:
        listed = [s.name for s in self.ask(list_services="*").list_services_response.service]
        self.assertEqual(
            sorted(listed),
            [
                "grpc.health.v1.Health",
                "grpc.reflection.v1alpha.ServerReflection",
                "quotaplane.v1.AdminService",
                "quotaplane.v1.AlertService",
                "quotaplane.v1.LedgerService",
                SERVICE,
                "quotaplane.v1.ReportService",
                "quotaplane.v1.internal.PingService",
            ],
        )

    def test_a_client_can_call_by_what_it_is_told(self) -> None:
        for service in self.ask(list_services="").list_services_response.service:
            answer = self.ask(file_containing_symbol=service.name)
            files = {}
            for serialized in answer.file_descriptor_response.file_descriptor_proto:
                file = descriptor_pb2.FileDescriptorProto.FromString(serialized)
                self.assertNotIn(file.name, files)
                files[file.name] = file
            pool = descriptor_pool.DescriptorPool()
            while files:
                # What a file imports has to be there before it.
                ready = [f for f in files.values() if not files.keys() & set(f.dependency)]
                self.assertTrue(ready, files.keys())
                for file in ready:
                    pool.Add(files.pop(file.name))
            methods = pool.FindServiceByName(service.name).methods_by_name
            self.assertTrue(methods)
            if service.name == SERVICE:
                self.assertEqual(set(methods), set(Client.METHODS))
                reserve = methods["Reserve"].input_type.fields_by_name
                self.assertEqual(reserve["subject"].message_type.full_name, "quotaplane.v1.Subject")

    def test_several_questions_on_one_stream_and_its_later_name(self) -> None:
        r = self.protos.reflection
        questions = [r.ServerReflectionRequest(host=str(i), list_services="") for i in range(20)]
        for path in (INFO, INFO.replace("v1alpha", "v1")):
            answers = list(self.info(self.client, iter(questions), path))
            self.assertEqual([a.original_request for a in answers], questions)
            self.assertEqual([a.valid_host for a in answers], [q.host for q in questions])

    def test_files_and_extensions(self) -> None:
        name = "quotaplane/v1/quota.proto"
        answer = self.ask(file_by_filename=name)
        first = answer.file_descriptor_response.file_descriptor_proto[0]
        self.assertEqual(descriptor_pb2.FileDescriptorProto.FromString(first).name, name)
        numbers = self.ask(all_extension_numbers_of_type="quotaplane.v1.Subject")
        self.assertEqual(numbers.WhichOneof("message_response"), "all_extension_numbers_response")
        base = numbers.all_extension_numbers_response.base_type_name
        self.assertEqual(base, "quotaplane.v1.Subject")

    def test_what_is_not_there_is_answered_and_the_stream_goes_on(self) -> None:
        r = self.protos.reflection
        extension = r.ExtensionRequest(containing_type="quotaplane.v1.Subject", extension_number=7)
        questions = [
            r.ServerReflectionRequest(file_containing_symbol="quotaplane.v1.Nobody"),
            r.ServerReflectionRequest(file_by_filename="nobody.proto"),
            r.ServerReflectionRequest(file_containing_extension=extension),
            r.ServerReflectionRequest(all_extension_numbers_of_type="quotaplane.v1.Nobody"),
            r.ServerReflectionRequest(),
        ]
        answers = list(self.info(self.client, iter(questions)))
        codes = [a.error_response.error_code for a in answers]
        self.assertEqual(codes, [5, 5, 5, 5, 3])

    def test_a_broken_question_ends_the_stream(self) -> None:
        r = self.protos.reflection
        good = r.ServerReflectionRequest(list_services="")
        for bad in (b"\x22\x05ab", r.ServerReflectionRequest(host="x" * TOO_LARGE)):
            call = self.info(self.client, iter([good, bad]))
            self.assertTrue(next(call).HasField("list_services_response"))
            self.assert_bad_request("ServerReflectionRequest", lambda c=call: next(c))


class DrainTest(Case):
    """Each with a server of its own, which goes."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-e2e-")
        self.addCleanup(folder.cleanup)
        self.own = Server(OPTIONS.program, Path(folder.name), POLICY, PRICES)
        self.addCleanup(self.own.kill)

    def connect(self) -> Client:
        client = Client(self.own.address, self.protos)
        self.addCleanup(client.close)
        return client

    def assert_drains(self) -> None:
        start = time.monotonic()
        self.assertEqual(self.own.stop(), 0)
        self.assertLess(time.monotonic() - start, DRAIN_S)

    def assert_left(self, call) -> None:
        # By the drain; at the end of the grace it would be CANCELLED.
        with self.assertRaises(grpc.RpcError) as raised:
            next(call)
        error = CallError(raised.exception, self.protos)
        self.assertEqual((error.code, error.reason), (grpc.StatusCode.UNAVAILABLE, ""))

    def test_watchers_that_were_dropped_and_watchers_that_stay(self) -> None:
        client = self.connect()
        leaving = Client(self.own.address, self.protos)
        calls = [self.watch(client, self.request()) for _ in range(200)]
        calls += [self.watch(leaving, self.request()) for _ in range(50)]
        for call in calls:
            self.assertEqual(next(call).status, SERVING)
        for call in calls[:150]:
            call.cancel()
        leaving.close()
        self.assertEqual(self.check(client, self.request()), SERVING)
        self.assert_drains()
        for call in calls[150:200]:
            self.assertEqual(next(call).status, NOT_SERVING)
            self.assert_left(call)

    def test_watchers_that_never_read(self) -> None:
        client = self.connect()
        stays = self.watch(client, self.request())
        for _ in range(200):
            self.watch(client, self.request()).cancel()
        self.assertEqual(self.check(client, self.request()), SERVING)
        self.assert_drains()
        self.assertEqual([next(stays).status, next(stays).status], [SERVING, NOT_SERVING])
        self.assert_left(stays)

    def test_an_idle_reflection_stream_does_not_hold_the_server(self) -> None:
        questions = queue.SimpleQueue()
        questions.put(self.protos.reflection.ServerReflectionRequest(list_services=""))
        call = self.info(self.connect(), iter(questions.get, None))
        self.assertTrue(next(call).HasField("list_services_response"))
        self.assert_drains()
        self.assert_left(call)
        questions.put(None)


if __name__ == "__main__":
    main(__doc__)
