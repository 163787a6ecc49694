"""What a day takes of the disk, most of it PostgreSQL's."""

import os
import shutil
from pathlib import Path

from cluster.layout import ClusterError

# As measured (docs/cluster.md), with room: what does not grow, most of it append-only files, which are
# there twice while they are rewritten; and what does.
BASE_BYTES = 4 << 30
BYTES_PER_REQUEST = 2_000


def used(folder: Path) -> int:
    total = 0
    for where, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.lstat(os.path.join(where, file)).st_blocks * 512
            except FileNotFoundError:  # servers run
                pass
    return total


def need(folder: Path, requests: int) -> None:
    needed, free = BASE_BYTES + requests * BYTES_PER_REQUEST, shutil.disk_usage(folder).free
    if free < needed:
        raise ClusterError(
            f"{requests:,} requests may take {needed / (1 << 30):,.0f} GiB below {folder}, and "
            f"{free / (1 << 30):,.0f} are free: fewer --requests, or another --dir"
        )
