"""A client that begins calls and does not end them, or does not read the answer: HTTP/2 by hand,
since no gRPC client sends a part of a message."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_HEADERS, END_STREAM, ACK = 4, 1, 1
FRAME_BYTES = 16_384
INITIAL_WINDOW = 65_535
INITIAL_WINDOW_SIZE = 4  # the setting


def _literal(name: str, value: str) -> bytes:
    """A header that is in no table; both texts have less than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


class SlowSender:
    """One connection with one call of `path`, whose message is said to have `size` bytes."""

    def __init__(self, address: str, path: str, size: int, token: str | None = None) -> None:
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=10)
        self._received = bytearray()
        self._window = INITIAL_WINDOW  # of the connection
        self._stream_window = INITIAL_WINDOW
        self._left = size
        self.sent = 0
        # The server has ended the call or the connection, or begun to answer.
        self.ended = False
        headers = [(":method", "POST"), (":scheme", "http"), (":path", path)]
        headers += [(":authority", address), ("content-type", "application/grpc"), ("te", "trailers")]
        if token is not None:
            headers.append(("authorization", f"Bearer {token}"))
        block = b"".join(_literal(name, value) for name, value in headers)
        self._socket.sendall(PREFACE + self._frame(SETTINGS, 0, 0, b""))
        self._socket.sendall(self._frame(HEADERS, END_HEADERS, 1, block))
        self._prefix = b"\x00" + struct.pack(">I", size)

    def ask(self, message: bytes) -> None:
        """The whole of a small message. The answer gets no further than the first window."""
        data = b"\x00" + struct.pack(">I", len(message)) + message
        self._socket.sendall(self._frame(DATA, END_STREAM, 1, data))

    @staticmethod
    def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload

    def send(self, keep: int = 1) -> None:
        """As much of the message as the server takes now, all but the last `keep` bytes."""
        while not self.ended:
            self.listen()
            room = min(self._window, self._stream_window, self._left - keep, FRAME_BYTES - 5)
            if room <= 0:
                return
            payload = self._prefix + b"\x00" * min(room, FRAME_BYTES - 5)
            payload = payload[: min(self._window, self._stream_window)]
            body = len(payload) - len(self._prefix)
            self._prefix = b""
            try:
                self._socket.settimeout(10)
                self._socket.sendall(self._frame(DATA, 0, 1, payload))
            except OSError:
                self.ended = True
                return
            self._window -= len(payload)
            self._stream_window -= len(payload)
            self._left -= body
            self.sent += body

    def listen(self) -> None:
        """Takes what has come, without waiting."""
        self._socket.setblocking(False)
        try:
            while chunk := self._socket.recv(65_536):
                self._received += chunk
            self.ended = True
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True
        while len(self._received) >= 9:
            length = int.from_bytes(self._received[:3], "big")
            if len(self._received) < 9 + length:
                return
            kind, flags, stream = struct.unpack(">BBI", self._received[3:9])
            self._take(kind, flags, stream, bytes(self._received[9 : 9 + length]))
            del self._received[: 9 + length]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[at : at + 6])
                if name == INITIAL_WINDOW_SIZE:
                    self._stream_window += value - INITIAL_WINDOW
            self._answer(self._frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._answer(self._frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE:
            more = struct.unpack(">I", payload)[0]
            if stream == 0:
                self._window += more
            else:
                self._stream_window += more
        elif kind in (RST_STREAM, GOAWAY) or (kind == HEADERS and stream == 1):
            self.ended = True

    def _answer(self, frame: bytes) -> None:
        self._socket.settimeout(10)
        try:
            self._socket.sendall(frame)
        except OSError:
            self.ended = True
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()
