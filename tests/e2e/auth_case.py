"""The base of the tests of who may do what: servers that ask, and callers with roles."""

import argparse
import hashlib
import json
import re
import secrets
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from client_case import POLICY, PRICES
from python_client import ROOT, CallError, Protos, Server

OPTIONS = argparse.Namespace()
WAIT_S = 30
FAR = "2100-01-01"


def new_token() -> str:
    return "qpt_" + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    return "blake2b:" + hashlib.blake2b(token.encode(), digest_size=32).hexdigest()


def wait_until(done, what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.02)


class Api:
    """Every service of the public protos, called by method path."""

    FILES = ("quota", "books", "reports", "admin", "alerts", "internal/ping")

    def __init__(self, protoc: str, folder: Path) -> None:
        out = folder / "api.pb"
        names = [f"quotaplane/v1/{name}.proto" for name in self.FILES]
        subprocess.run(
            [protoc, f"-I{ROOT / 'proto'}", f"--descriptor_set_out={out}", "--include_imports"]
            + names,
            check=True,
        )
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
        self._pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self._pool.Add(file)
        self._factory = message_factory.MessageFactory(self._pool)
        # "Service/Method" -> (path, descriptor, whether it streams)
        self.methods = {}
        for file in files.file:
            for service in file.service:
                for method in service.method:
                    name = f"{file.package}.{service.name}"
                    found = self._pool.FindServiceByName(name).methods_by_name[method.name]
                    path = f"/{name}/{method.name}"
                    short = f"{service.name}/{method.name}"
                    self.methods[short] = (path, found, method.server_streaming)

    def request(self, method: str, org: str):
        """One that is about `org`, and has nothing else."""
        request = self._factory.GetPrototype(self.methods[method][1].input_type)()
        holder = request
        for field in (None, "subject", "month", "key"):
            if field is not None:
                if not hasattr(request, field) or not hasattr(getattr(request, field), "org"):
                    continue
                holder = getattr(request, field)
            if hasattr(holder, "org"):
                holder.org = org
                return request
        return request

    def names_an_org(self, method: str) -> bool:
        return self.request(method, "x") != self.request(method, "")

    def call(self, channel: grpc.Channel, method: str, request, metadata=(), timeout: float = 20):
        """The response, or the first of a stream."""
        path, descriptor, streams = self.methods[method]
        response = self._factory.GetPrototype(descriptor.output_type)
        kind = channel.unary_stream if streams else channel.unary_unary
        call = kind(path, lambda message: message.SerializeToString(), response.FromString)
        answer = call(request, timeout=timeout, metadata=metadata)
        if not streams:
            return answer
        first = next(iter(answer), None)
        answer.cancel()
        return first


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


class AuthCase(unittest.TestCase):
    """A folder for each test, whose servers are stopped at its end."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-auth-")
        cls.addClassCleanup(folder.cleanup)
        cls.class_folder = Path(folder.name)
        cls.protos = Protos(OPTIONS.protoc, cls.class_folder)
        cls.api = Api(OPTIONS.protoc, cls.class_folder)

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-auth-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.auth_file = self.folder / "auth.yaml"
        self.secrets: list[str] = []

    # Servers

    def write_auth(self, **parts) -> None:
        """JSON is YAML. In one step, as a reader may look at any time."""
        new = self.folder / "auth.new"
        new.write_text(json.dumps(parts))
        new.rename(self.auth_file)

    def token(self, name: str, *roles: tuple[str, str], expires: str = FAR) -> tuple[str, dict]:
        """A token, and its entry in the auth file."""
        token = new_token()
        self.secrets.append(token)
        grants = [{"role": role, "org": org} for role, org in roles]
        entry = {"name": name, "hash": token_hash(token), "expires": expires, "roles": grants}
        return token, entry

    def serve(
        self,
        *flags: object,
        listen: str = "127.0.0.1:0",
        metrics: str = "127.0.0.1:0",
        folder: Path | None = None,
    ) -> Server:
        folder = folder or self.folder
        metrics_flags = ("--metrics-listen", metrics)
        server = Server(OPTIONS.program, folder, POLICY, PRICES, flags, metrics_flags, listen)
        self.addCleanup(server.stop)
        self.addCleanup(lambda: self.assert_no_secret(server.log()))
        return server

    def serve_with_auth(self, *flags: object, **more) -> Server:
        return self.serve("--auth", self.auth_file, *flags, **more)

    def metrics(self, server: Server) -> str:
        address = re.search(r"metrics on (http://[^/]+/metrics)", server.log()).group(1)
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.read().decode()

    def metric(self, server: Server, name: str, **labels: str) -> float | None:
        """The value of one sample; none: it is not there."""
        inside = ",".join(f'{label}="{value}"' for label, value in labels.items())
        sample = re.escape(name + (f"{{{inside}}}" if inside else ""))
        found = re.search(rf"(?m)^{sample} (\S+)$", self.metrics(server))
        return None if found is None else float(found.group(1))

    def channel(self, server: Server, credentials=None) -> grpc.Channel:
        # A subchannel of its own, so that each sees the server as it is now.
        options = [("grpc.use_local_subchannel_pool", 1)]
        if credentials is None:
            channel = grpc.insecure_channel(server.address, options)
        else:
            channel = grpc.secure_channel(server.address, credentials, options)
        self.addCleanup(channel.close)
        return channel

    # Calls

    def ping(self, channel: grpc.Channel, metadata=()) -> str:
        """ "OK", or "CODE REASON"."""
        return self.outcome(channel, "PingService/Ping", "", metadata)

    def outcome(self, channel, method: str, org: str, metadata=(), timeout: float = 20) -> str:
        request = self.api.request(method, org)
        try:
            self.api.call(channel, method, request, metadata, timeout)
        except grpc.RpcError as raised:
            error = CallError(raised, self.protos)
            for secret in self.secrets:
                self.assertNotIn(secret, error.message)
            return f"{error.code.name} {error.reason}".rstrip()
        return "OK"

    def assert_no_secret(self, text: str) -> None:
        for secret in self.secrets:
            self.assertNotIn(secret, text)


def main(usage: str) -> None:
    parser = argparse.ArgumentParser(description=usage, add_help=False)
    parser.add_argument("--program", required=True)
    parser.add_argument("--quotactl", required=True)
    parser.add_argument("--protoc", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
