#!/usr/bin/env python3
"""The commands of docs/tracing.md, with a collector that takes everything.

Usage: tracing_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import sys
from concurrent import futures

import grpc

sys.dont_write_bytecode = True
import document
from document import PATIENCE_S
from waiting import poll

EXPORT_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

class Collector(grpc.GenericRpcHandler):
    def __init__(self) -> None:
        self.methods: set[str] = set()

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        self.methods.add(call.method)
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"")


class TracingTest(document.Case):
    DOCUMENT = "docs/tracing.md"

    def follow(self) -> None:
        collector = Collector()
        server = grpc.server(futures.ThreadPoolExecutor(2), handlers=(collector,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.addCleanup(lambda: server.stop(0).wait())
        self.replace["collector.example:4317"] = f"127.0.0.1:{port}"
        self.start()
        # A call of a gateway that traces it; what it asks is no matter.
        with grpc.insecure_channel(self.replace["127.0.0.1:7411"]) as channel:
            call = channel.unary_unary("/quotaplane.v1.QuotaService/GetUsage")
            with self.assertRaises(grpc.RpcError):
                call(b"", timeout=PATIENCE_S, metadata=[("traceparent", SAMPLED)])
        poll(lambda: EXPORT_TRACES in collector.methods, PATIENCE_S)


if __name__ == "__main__":
    document.main(__doc__)
