"""How far a long run is, whether it still moves, and whether the disk will take the rest of it."""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from cluster.layout import ClusterError

SAY_EVERY_S = 30
# Every call gives up after a minute; whoever makes no progress for longer will not make any.
STANDSTILL_S = 300
# Below that PostgreSQL and Redis would be the ones to find out.
LEAST_FREE = 1 << 30
_DONE = re.compile(r"requests\s+([\d,]+) of")


def done_by(said: str) -> int:
    """Requests, by the last line of what loadgen says of its progress; 0 before the first."""
    found = _DONE.findall(said)
    return int(found[-1].replace(",", "")) if found else 0


def span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min" if minutes >= 10 else f"{minutes}:{rest:02} min"


class Progress:
    """Of one load. `look` is called all the time, and raises ClusterError where going on is no use."""

    def __init__(
        self, requests: int, day_s: float, errors: Path, say: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._requests, self._day_s = requests, day_s
        self._errors = errors
        self._say = say
        self._now = now
        self._begin = self._moved_at = self._said_at = now()
        self._done = self._done_when_said = 0

    def look(self) -> None:
        now = self._now()
        done = done_by(self._errors.read_text(errors="replace"))
        if done > self._done:
            self._done, self._moved_at = done, now
        if now - self._moved_at > STANDSTILL_S:
            raise ClusterError(f"not one request came to an end for {STANDSTILL_S} s")
        free = shutil.disk_usage(self._errors.parent).free
        if free < LEAST_FREE:
            raise ClusterError(f"{free >> 20} MiB are left on the disk of {self._errors.parent}")
        if now - self._said_at >= SAY_EVERY_S:
            self._say(self._line(now, free))
            self._said_at, self._done_when_said = now, self._done

    def _line(self, now: float, free: int) -> str:
        rate = (self._done - self._done_when_said) / (now - self._said_at)
        # The day's own length; and longer where it is behind by then.
        left = max(self._day_s - (now - self._begin), 0)
        if not left and rate:
            left = (self._requests - self._done) / rate
        return (
            f"  {self._done * 100 // self._requests} %: {self._done:,} of {self._requests:,}, "
            f"{rate:,.0f}/s; {span(left)} left; {free / (1 << 30):,.1f} GiB of disk free"
        )
