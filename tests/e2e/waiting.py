"""Waiting for what comes by itself."""

import time


def poll(what, seconds: float = 30.0):
    """Waits until `what()` is true, and returns what it was."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to that")
        time.sleep(0.02)
    return found
