"""Servers as processes: started, found again by whoever comes later, and stopped by their id.

An id may be another process's tomorrow, so what is kept with it is when the kernel started it.
"""

import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from .layout import ClusterError, Layout, is_free

START_S = 60
STOP_S = 30
FIRST_PAUSE_S, LAST_PAUSE_S = 0.01, 0.2
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


T = TypeVar("T")


def pauses() -> Iterator[float]:
    """Between looks: short at first. A look may cost a TLS handshake with everybody."""
    pause = FIRST_PAUSE_S
    while True:
        yield pause
        pause = min(pause * 1.5, LAST_PAUSE_S)


def wait_for(find: Callable[[], T | None], what: str, seconds: float = START_S) -> T:
    """What is found, once it is something."""
    deadline = time.monotonic() + seconds
    for pause in pauses():
        if found := find():
            return found
        if time.monotonic() > deadline:
            raise ClusterError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(pause)
    raise AssertionError("pauses do not end")


def wait_until(done: Callable[[], bool], what: str, seconds: float = START_S) -> None:
    wait_for(done, what, seconds)


def started_at(pid: int) -> int | None:
    """In ticks since the machine's start; none where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def end_with_parent() -> None:
    """For a new process before it runs its program: the kernel kills it when this one ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Processes:
    """`bound` ones are killed by the kernel when the thread that started them ends."""

    def __init__(self, layout: Layout, bound: bool) -> None:
        self._layout = layout
        self._bound = bound
        self._children: list[subprocess.Popen] = []

    def _file(self, name: str) -> Path:
        return self._layout.run / f"{name}.json"

    def log(self, name: str) -> Path:
        return self._layout.logs / f"{name}.log"

    def output(self, name: str) -> str:
        """What it has printed since its last start."""
        return (self._layout.run / f"{name}.out").read_text(errors="replace")

    def tail(self, name: str) -> str:
        lines = self.log(name).read_text(errors="replace").splitlines()
        return "\n".join([*self.output(name).splitlines()[-10:], *lines[-20:]])

    def pid(self, name: str) -> int | None:
        """None where it does not run."""
        for child in self._children:
            child.poll()
        try:
            known = json.loads(self._file(name).read_text())
        except FileNotFoundError:
            return None
        return known["pid"] if started_at(known["pid"]) == known["started"] else None

    def start(
        self,
        name: str,
        command: list[object],
        ready: Callable[[], bool],
        env: dict[str, str] | None = None,
    ) -> None:
        """Returns when it is ready; at once where it is."""
        if self.pid(name) is None:
            self._spawn(name, list(map(str, command)), os.environ | (env or {}))
        deadline = time.monotonic() + START_S
        for pause in pauses():
            if ready():
                return
            if self.pid(name) is None or time.monotonic() > deadline:
                self.stop(name, signal.SIGKILL)
                raise ClusterError(f"{name} does not come up; its log ends:\n{self.tail(name)}")
            time.sleep(pause)

    def _spawn(self, name: str, words: list[str], env: dict[str, str]) -> None:
        self._need_ports(name)
        if self._bound and words[0] == "setpriv":
            # A change of the user clears the signal, so it is set after that.
            words[1:1] = ["--pdeathsig", "KILL"]

        def begin() -> None:
            if self._bound:
                end_with_parent()
            # The child says so itself: then it is found, whatever happens to this program.
            known = {"pid": os.getpid(), "started": started_at(os.getpid())}
            self._layout.write(self._file(name), json.dumps(known))

        with self.log(name).open("ab") as log, (self._layout.run / f"{name}.out").open("wb") as out:
            try:
                child = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=log,
                    env=env,
                    cwd=self._layout.data,
                    start_new_session=True,
                    preexec_fn=begin,
                )
            except FileNotFoundError:
                raise ClusterError(f"{words[0]} is missing (tools/packages.txt)") from None
        self._children.append(child)

    def _need_ports(self, name: str) -> None:
        taken = [port for port in self._layout.ports(name) if not is_free(port)]
        if taken:
            raise ClusterError(
                f"port {taken[0]}, on which {name} has to listen, is another process's "
                f"(`ss -ltnp sport = :{taken[0]}`). End that one; or begin anew with other ports: "
                "`down --remove`, then `up`"
            )

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """Returns when it has ended."""
        self.signal(name, how)
        deadline = time.monotonic() + STOP_S
        while self.pid(name) is not None:
            if time.monotonic() > deadline:
                self.signal(name, signal.SIGKILL)
            time.sleep(0.02)

    def signal(self, name: str, how: signal.Signals) -> None:
        pid = self.pid(name)
        if pid is None:
            return
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            pass
