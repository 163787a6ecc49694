"""Stands between a client and a server and counts the bytes that pass."""

import socket
import threading


class Relay:
    """Listens on a port of its own of 127.0.0.1 until it is closed."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self.to_server = 0
        self.to_client = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # Wakes whoever accepts, which close() alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._to) as server:
            answers = threading.Thread(target=self._pass, args=(server, client, "to_client"))
            answers.start()
            self._pass(client, server, "to_server")
            answers.join()

    def _pass(self, source: socket.socket, sink: socket.socket, name: str) -> None:
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
                with self._lock:
                    setattr(self, name, getattr(self, name) + len(data))
            sink.shutdown(socket.SHUT_WR)
        except OSError:  # the other side has gone
            pass
