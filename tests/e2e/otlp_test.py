#!/usr/bin/env python3
"""Traces and metrics, as an OpenTelemetry collector gets them.

Usage: otlp_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import importlib
import subprocess
import sys
import tempfile
import threading
from concurrent import futures
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from client_case import OPTIONS, POLICY, PRICES, ClientCase, main
from python_client import CALL_TIMEOUT_S, Client, Server

PATIENCE_S = 30
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{CALLER}-01"
NOT_SAMPLED = f"00-{TRACE}-{CALLER}-00"
SERVER, CLIENT, CONSUMER = 2, 3, 5

# What of the published protocol is read here. Written apart from the server's own, so that a wrong
# field number there is seen here.
PROTO = """
syntax = "proto3";
package otlp;
message AnyValue { oneof value { string string_value = 1; int64 int_value = 3; } }
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; }
message Scope { string name = 1; }
message Status { string message = 2; int32 code = 3; }
message Span {
  bytes trace_id = 1;
  bytes span_id = 2;
  string trace_state = 3;
  bytes parent_span_id = 4;
  string name = 5;
  int32 kind = 6;
  fixed64 start_time_unix_nano = 7;
  fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9;
  Status status = 15;
  fixed32 flags = 16;
}
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Traces { repeated ResourceSpans resource_spans = 1; }
message Point {
  fixed64 start_time_unix_nano = 2;
  fixed64 time_unix_nano = 3;
  double as_double = 4;
  repeated KeyValue attributes = 7;
}
message Gauge { repeated Point data_points = 1; }
message Sum { repeated Point data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message Metric {
  string name = 1;
  string description = 2;
  oneof data { Gauge gauge = 5; Sum sum = 7; }
}
message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message Metrics { repeated ResourceMetrics resource_metrics = 1; }
message Answer {}
"""
EXPORT_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
EXPORT_METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"


def attributes(of) -> dict[str, object]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in of}


class Collector(grpc.GenericRpcHandler):
    """Keeps what it is sent."""

    def __init__(self, messages) -> None:
        self.messages = messages
        self.changed = threading.Condition()
        self.spans: list = []
        self.resources: list[dict[str, object]] = []
        self.metrics: dict[str, object] = {}
        self.headers: set[tuple[str, str]] = set()
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        self.server.add_generic_rpc_handlers((self,))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, call):
        kinds = {
            EXPORT_TRACES: (self.on_traces, self.messages.Traces),
            EXPORT_METRICS: (self.on_metrics, self.messages.Metrics),
        }
        if call.method not in kinds:
            return None
        handle, request = kinds[call.method]
        return grpc.unary_unary_rpc_method_handler(
            handle, request.FromString, self.messages.Answer.SerializeToString
        )

    def on_traces(self, request, context):
        with self.changed:
            self.headers |= {(pair.key, pair.value) for pair in context.invocation_metadata()}
            for resource in request.resource_spans:
                self.resources.append(attributes(resource.resource.attributes))
                for scope in resource.scope_spans:
                    self.spans += scope.spans
            self.changed.notify_all()
        return self.messages.Answer()

    def on_metrics(self, request, context):
        with self.changed:
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    self.metrics |= {metric.name: metric for metric in scope.metrics}
            self.changed.notify_all()
        return self.messages.Answer()

    def wait(self, done) -> None:
        with self.changed:
            if not self.changed.wait_for(done, PATIENCE_S):
                raise AssertionError(f"came so far: {[s.name for s in self.spans]}, {list(self.metrics)}")

    def named(self, name: str) -> list:
        return [span for span in self.spans if span.name == name]


class OtlpTest(ClientCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = Path(cls.folder.name)
        (folder / "otlp.proto").write_text(PROTO)
        generated = folder / "generated"
        subprocess.run(
            [OPTIONS.protoc, f"-I{folder}", f"--python_out={generated}", "otlp.proto"], check=True
        )
        cls.otlp = importlib.import_module("otlp_pb2")

    def setUp(self) -> None:
        super().setUp()
        self.collector = Collector(self.otlp)
        self.addCleanup(self.collector.server.stop, None)

    def serve(self, *more: str, **env: str) -> tuple[Server, Client]:
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.collector.port}"} | env
        server = Server(OPTIONS.program, folder, POLICY, PRICES, more, env=env)
        self.addCleanup(server.kill)
        client = Client(server.address, self.protos)
        self.addCleanup(client.close)
        return server, client

    def spend(self, client: Client, id: str, *headers: tuple[str, str]) -> None:
        """A request, reserved and committed."""
        for method, request in (
            (
                "Reserve",
                self.q.ReserveRequest(
                    reservation_id=id, subject=self.subject(), estimate=self.usage(input=10)
                ),
            ),
            (
                "Commit",
                self.q.CommitRequest(
                    reservation_id=id, subject=self.subject(), attempts=[self.attempt(input=10)]
                ),
            ),
        ):
            call = client.unary(
                f"/quotaplane.v1.QuotaService/{method}",
                getattr(self.protos.quota, f"{method}Response"),
            )
            call(request, timeout=CALL_TIMEOUT_S, metadata=headers)

    def test_a_callers_trace_goes_on_to_the_ledger(self) -> None:
        _, client = self.serve(
            OTEL_EXPORTER_OTLP_HEADERS="x-collector-key=a%20b",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test",
        )
        self.spend(client, "r1", ("traceparent", SAMPLED), ("tracestate", "vendor=7"))
        self.collector.wait(lambda: self.collector.named("ledger write"))
        spans = self.collector.spans
        self.assertEqual({span.trace_id.hex() for span in spans}, {TRACE})
        [reserve] = self.collector.named("quotaplane.v1.QuotaService/Reserve")
        [commit] = self.collector.named("quotaplane.v1.QuotaService/Commit")
        for call in (reserve, commit):
            self.assertEqual(call.parent_span_id.hex(), CALLER)
            self.assertEqual(call.kind, SERVER)
            self.assertEqual(call.trace_state, "vendor=7")
            self.assertEqual(call.flags, 0x301)
            self.assertEqual(call.status.code, 0)
            self.assertLessEqual(call.start_time_unix_nano, call.end_time_unix_nano)
        self.assertEqual(
            attributes(reserve.attributes),
            {
                "rpc.system": "grpc",
                "rpc.service": "quotaplane.v1.QuotaService",
                "rpc.method": "Reserve",
                "rpc.grpc.status_code": 0,
                "quotaplane.decision": "allow",
            },
        )
        stores = {span.parent_span_id: span for span in self.collector.named("counter store")}
        self.assertEqual(set(stores), {reserve.span_id, commit.span_id})
        for call in (reserve, commit):
            store = stores[call.span_id]
            self.assertEqual(store.kind, CLIENT)
            self.assertLessEqual(call.start_time_unix_nano, store.start_time_unix_nano)
            self.assertLessEqual(store.end_time_unix_nano, call.end_time_unix_nano)
        [write] = self.collector.named("ledger write")
        self.assertEqual(write.parent_span_id, commit.span_id)
        self.assertEqual(write.kind, CONSUMER)
        self.assertIn(("x-collector-key", "a b"), self.collector.headers)
        [resource] = {tuple(sorted(each.items())) for each in self.collector.resources}
        self.assertEqual(dict(resource)["service.name"], "quotaplane")
        self.assertEqual(dict(resource)["deployment.environment"], "test")
        self.assertIn("service.instance.id", dict(resource))

    def test_nothing_of_a_subject_is_in_a_span(self) -> None:
        server, client = self.serve("--trace-share", "1")
        subject = {"user": "jo.secret", "api_key": "key-secret", "team": "team-secret"}
        request = self.q.ReserveRequest(
            reservation_id="id-secret",
            subject=self.subject(labels={"session": "label-secret"}, **subject),
            estimate=self.usage(input=10),
        )
        client.call("Reserve", request)
        request.subject.org = ""
        with self.assertRaises(grpc.RpcError):
            client.call("Reserve", request)
        self.collector.wait(
            lambda: len(self.collector.named("quotaplane.v1.QuotaService/Reserve")) == 2
        )
        self.assertEqual(server.stop(), 0)
        for span in self.collector.spans:
            self.assertNotIn("secret", str(span))

    def test_callers_decide_and_calls_without_a_trace_are_not_traced(self) -> None:
        server, client = self.serve()
        self.spend(client, "r1", ("traceparent", NOT_SAMPLED))
        self.spend(client, "r2")
        self.spend(client, "r3", ("traceparent", "00-nonsense-01"))
        # The end sends what waits: had one of them been traced, it would be there.
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.collector.spans, [])

    def test_metrics_come_too(self) -> None:
        server, client = self.serve()
        self.spend(client, "r1")
        # The last ones are sent at the end.
        self.assertEqual(server.stop(), 0)
        self.collector.wait(lambda: "quotaplane_spool_records" in self.collector.metrics)
        [point] = self.collector.metrics["quotaplane_spool_records"].gauge.data_points
        self.assertEqual(point.as_double, 0)
        self.assertGreater(point.time_unix_nano, 0)
        sums = [m for m in self.collector.metrics.values() if m.WhichOneof("data") == "sum"]
        self.assertTrue(sums)
        for metric in sums:
            self.assertTrue(metric.name.endswith("_total"), metric.name)
            self.assertEqual(metric.sum.aggregation_temporality, 2)
            self.assertTrue(metric.sum.is_monotonic)

    def test_a_collector_that_is_away_changes_nothing(self) -> None:
        self.collector.server.stop(None).wait()
        server, client = self.serve("--trace-share", "1")
        self.spend(client, "r1")
        self.assertEqual(server.stop(), 0)

    def test_what_cannot_be_meant_is_refused_by_name(self) -> None:
        for name, value, rule in (
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "otlp endpoint"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "token-without-a-name", "otlp headers"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=%zz", "otlp resource attributes"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5", "--trace-share"),
        ):
            with self.subTest(name):
                with self.assertRaises(RuntimeError) as raised:
                    self.serve(**{name: value})
                self.assertIn(rule, str(raised.exception))
                self.assertNotIn("token-without", str(raised.exception))


if __name__ == "__main__":
    main(__doc__)
