"""The day's load; and some more, evenly, where the events take longer.

A thread keeps it up, whatever the others are at. Loads end with the thread that started them
(cluster.processes), so it lives as long as they do.
"""

import threading
from collections.abc import Callable

from cluster.cluster import Cluster

from . import load
from .progress import Progress

LOOK_EVERY_S = 0.1
# Of what goes on after the day.
MORE_S = 15


class Traffic:
    """Begins at once. Its public functions are one thread's."""

    def __init__(
        self, cluster: Cluster, requests: int, day_s: float, weights: list[float],
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._day = (requests, day_s, weights)
        rate = requests / day_s
        self._more = (max(int(rate * MORE_S), 1), MORE_S, [1.0])
        self._cluster = cluster
        self._say = say
        self._runs: list[load.Load] = []
        self._last, self._now = threading.Event(), threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._keep_up, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises what went wrong, if something did; all the time."""
        if self._error is not None:
            raise self._error

    def finish(self) -> list[load.Load]:
        """All loads, once the one that runs is over."""
        self._last.set()
        while self._thread.is_alive():
            self._thread.join(LOOK_EVERY_S)
        self.check()
        return self._runs

    def kill(self) -> None:
        """Nothing where it has ended."""
        self._now.set()
        self._thread.join()

    def _keep_up(self) -> None:
        try:
            self._spend(*self._day)
            while not self._last.is_set():
                self._spend(*self._more)
        except Exception as error:
            self._error = error

    def _spend(self, requests: int, seconds: float, weights: list[float]) -> None:
        name = f"day-{len(self._runs)}"
        run = load.start(self._cluster, name, requests, duration_s=seconds, shape=weights)
        self._runs.append(run)
        try:
            progress = Progress(requests, seconds, run.errors, self._say)
            while run.running():
                progress.look()
                if self._now.wait(LOOK_EVERY_S):
                    return self._last.set()
            run.finish()
        finally:
            run.kill()
