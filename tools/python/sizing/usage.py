"""What processes have used, as the kernel counts it: a busy machine makes nothing look dearer than it is,
but for caches that others have emptied."""

import os
import time
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
CPUCLOCK_SCHED = 2
MIB = 1 << 20


def _stat(pid: int) -> list[str]:
    """Fields from the state on; none where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def tree(root: int) -> list[int]:
    """It and all that it has started."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        if fields := _stat(int(entry.name)):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _own_cpu_s(pid: int) -> float:
    """All its threads, to the nanosecond: by the clock that clock_getcpuclockid(3) names."""
    try:
        return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)
    except OSError:  # it has ended
        return 0.0


def cpu_s(root: int) -> float:
    """Processor time of a process and its children, those that have ended included."""
    used = 0.0
    for pid in tree(root):
        fields = _stat(pid)
        ended_ticks = sum(map(int, fields[13:15]))
        used += _own_cpu_s(pid) + ended_ticks * TICK_S
    return used


def _memory_kib(pid: int, what: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{what}:")), 0)


def memory_mib(root: int) -> float:
    """What is in memory; of what several processes of a tree share, each has its part."""
    pids = tree(root)
    what = "Rss" if len(pids) == 1 else "Pss"
    return sum(_memory_kib(pid, what) for pid in pids) * 1024 / MIB
