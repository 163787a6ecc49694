"""Quotaplane as a client in another language sees it, and a real server for it to call.

Messages are generated from the public protos, calls go by their method paths, errors are read from
their google.rpc details.
"""

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc

ROOT = Path(__file__).resolve().parents[2]
CALL_TIMEOUT_S = 10

# The published protos of two services that gRPC servers share. Written apart from the server's own,
# so that a wrong field number there is seen here.
HEALTH_PROTO = """
syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}
"""
REFLECTION_PROTO = """
syntax = "proto3";
package grpc.reflection.v1alpha;
message ServerReflectionRequest {
  string host = 1;
  oneof message_request {
    string file_by_filename = 3;
    string file_containing_symbol = 4;
    ExtensionRequest file_containing_extension = 5;
    string all_extension_numbers_of_type = 6;
    string list_services = 7;
  }
}
message ExtensionRequest { string containing_type = 1; int32 extension_number = 2; }
message FileDescriptorResponse { repeated bytes file_descriptor_proto = 1; }
message ExtensionNumberResponse {
  string base_type_name = 1;
  repeated int32 extension_number = 2;
}
message ServiceResponse { string name = 1; }
message ListServiceResponse { repeated ServiceResponse service = 1; }
message ErrorResponse { int32 error_code = 1; string error_message = 2; }
message ServerReflectionResponse {
  string valid_host = 1;
  ServerReflectionRequest original_request = 2;
  oneof message_response {
    FileDescriptorResponse file_descriptor_response = 4;
    ExtensionNumberResponse all_extension_numbers_response = 5;
    ListServiceResponse list_services_response = 6;
    ErrorResponse error_response = 7;
  }
}
"""


class Protos:
    """The message classes, generated when the test starts."""

    def __init__(self, protoc: str, folder: Path) -> None:
        source = folder / "proto"
        generated = folder / "generated"
        source.mkdir()
        generated.mkdir()
        (source / "health.proto").write_text(HEALTH_PROTO)
        (source / "reflection.proto").write_text(REFLECTION_PROTO)
        public = ["quotaplane/v1/quota", "quotaplane/v1/reports", "quotaplane/v1/statements"]
        public += ["quotaplane/v1/policies", "quotaplane/v1/admin", "quotaplane/v1/alerts"]
        public += ["quotaplane/v1/internal/ping"]
        public += ["google/rpc/error_details", "google/rpc/status"]
        names = [f"{name}.proto" for name in [*public, "health", "reflection"]]
        include = [f"-I{ROOT / 'proto'}", f"-I{source}"]
        subprocess.run([protoc, *include, f"--python_out={generated}", *names], check=True)
        # The Debian package google.protobuf is a regular package; google.rpc stands beside it.
        import google

        google.__path__.append(str(generated / "google"))
        sys.path.insert(0, str(generated))
        self.quota = importlib.import_module("quotaplane.v1.quota_pb2")
        self.reports = importlib.import_module("quotaplane.v1.reports_pb2")
        self.statements = importlib.import_module("quotaplane.v1.statements_pb2")
        self.policies = importlib.import_module("quotaplane.v1.policies_pb2")
        self.admin = importlib.import_module("quotaplane.v1.admin_pb2")
        self.alerts = importlib.import_module("quotaplane.v1.alerts_pb2")
        self.ping = importlib.import_module("quotaplane.v1.internal.ping_pb2")
        self.errors = importlib.import_module("google.rpc.error_details_pb2")
        self.rpc_status = importlib.import_module("google.rpc.status_pb2")
        self.health = importlib.import_module("health_pb2")
        self.reflection = importlib.import_module("reflection_pb2")


class Server:
    """`quotaplane serve` with everything of its own under `folder`."""

    def __init__(
        self,
        program: str,
        folder: Path,
        policy: str,
        prices: str,
        more: tuple[object, ...] = (),
        metrics: tuple[str, ...] = ("--metrics-listen", "127.0.0.1:0"),
        listen: str = "127.0.0.1:0",
        env: dict[str, str] | None = None,
    ) -> None:
        (folder / "policy.yaml").write_text(policy)
        (folder / "prices.yaml").write_text(prices)
        self._log = (folder / "server.log").open("w+b")
        arguments = ["serve", "--data-dir", folder / "data", "--listen", listen]
        arguments += metrics  # the default address is there once
        arguments += ["--policy", folder / "policy.yaml", "--prices", folder / "prices.yaml"]
        arguments += more
        self._process = subprocess.Popen(
            [program, *arguments],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=None if env is None else os.environ | env,
        )
        line = self._process.stdout.readline()
        if not line.startswith("ready: listening on "):
            why = f"the server did not come up: {line!r}\n{self.log()}"
            self.kill()
            raise RuntimeError(why)
        self.address = line.split()[-1]

    def log(self) -> str:
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> int | None:
        """The exit code if it has ended by itself (negative: by that signal)."""
        return self._process.poll()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=30)
        self._process.stdout.close()
        self._log.close()
        return code

    def kill(self) -> None:
        """For a test that failed before it stopped the server; nothing where it has ended."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._log.close()


def _serialize(message: object) -> bytes:
    return message if isinstance(message, bytes) else message.SerializeToString()


class Client:
    """One method per RPC of QuotaService: request in, response out, grpc.RpcError for errors."""

    METHODS = ("Reserve", "Extend", "Commit", "Release", "Record", "Check", "GetUsage")

    def __init__(self, address: str, protos: Protos) -> None:
        self._channel = grpc.insecure_channel(address)
        self._calls = {}
        for method in self.METHODS:
            response = getattr(protos.quota, f"{method}Response")
            self._calls[method] = self.unary(f"/quotaplane.v1.QuotaService/{method}", response)

    # Calls by path. A request is a message, or the bytes of something that is none.

    def unary(self, path: str, response: type) -> grpc.UnaryUnaryMultiCallable:
        return self._channel.unary_unary(path, _serialize, response.FromString)

    def server_stream(self, path: str, response: type) -> grpc.UnaryStreamMultiCallable:
        return self._channel.unary_stream(path, _serialize, response.FromString)

    def stream(self, path: str, response: type) -> grpc.StreamStreamMultiCallable:
        return self._channel.stream_stream(path, _serialize, response.FromString)

    def call(self, method: str, request: object) -> object:
        """`request` is a message, or the bytes of something that is none."""
        return self._calls[method](request, timeout=CALL_TIMEOUT_S)

    def close(self) -> None:
        self._channel.close()


class CallError:
    """What a failed call said: code, message, google.rpc.ErrorInfo, google.rpc.BadRequest."""

    def __init__(self, error: grpc.RpcError, protos: Protos) -> None:
        self.code = error.code()
        self.message = error.details()
        self.reason = ""
        self.domain = ""
        self.metadata: dict[str, str] = {}
        self.violations: dict[str, str] = {}
        trailers = dict(error.trailing_metadata() or ())
        status = protos.rpc_status.Status.FromString(trailers.get("grpc-status-details-bin", b""))
        for detail in status.details:
            info = protos.errors.ErrorInfo()
            bad = protos.errors.BadRequest()
            if detail.Unpack(info):
                self.reason, self.domain, self.metadata = (
                    info.reason,
                    info.domain,
                    dict(info.metadata),
                )
            elif detail.Unpack(bad):
                self.violations = {v.field: v.description for v in bad.field_violations}
