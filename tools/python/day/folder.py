"""Where a day lives: a directory of its own, which goes with it, unless something went wrong."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PARENT = Path("/var/tmp")
PREFIX = "quotaplane-day-"
KEPT = "kept"


class Folder:
    """`path` is there, and is nobody else's until this program ends, however it does."""

    def __init__(self, wanted: Path | None) -> None:
        self._own = wanted is None
        remove_leftovers()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=PARENT)) if self._own else wanted
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # PostgreSQL runs as a user of its own and passes through.
        self.path.chmod(0o711)

    def keep(self) -> None:
        """Somebody will want to know why."""
        if self._own:
            (self.path / KEPT).touch()

    def leave(self) -> None:
        if self._own and not (self.path / KEPT).exists():
            shutil.rmtree(self.path)
        os.close(self._lock)


def remove_leftovers() -> None:
    """Of days that were killed: nobody holds them, and nobody kept them."""
    for path in PARENT.glob(f"{PREFIX}*/cluster"):
        folder = path.parent
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid() or (folder / KEPT).exists():
            continue
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        except BlockingIOError:
            pass
        finally:
            os.close(held)
