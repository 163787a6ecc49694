"""Commands to one Redis over TLS."""

import functools
import socket
import ssl
from pathlib import Path

from .layout import ClusterError

TIMEOUT_S = 10


class RespError(ClusterError):
    """An error that Redis answered."""


@functools.cache
def _context(ca: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca))


class Resp:
    """One connection. Raises OSError where the server is away."""

    def __init__(self, port: int, ca: Path, user: str, password: str) -> None:
        context = _context(ca)
        raw = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        try:
            self._socket = context.wrap_socket(raw, server_hostname="127.0.0.1")
        except BaseException:
            raw.close()
            raise
        self._replies = self._socket.makefile("rb")
        self("AUTH", user, password)

    def __enter__(self) -> "Resp":
        return self

    def __exit__(self, *_: object) -> None:
        self._replies.close()
        self._socket.close()

    def __call__(self, *arguments: object) -> object:
        parts = [str(argument).encode() for argument in arguments]
        request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)
        self._socket.sendall(request)
        return self._reply()

    def _reply(self) -> object:
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection was closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self._replies.read(size + 2)[:-2].decode()
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        if kind == b"-":
            raise RespError(rest.decode())
        return int(rest) if kind == b":" else rest.decode()
