"""Policies of as many limits as wanted, each of which counts every request and is never reached."""

import json

SEVERAL = (2, 6, 12)
PLENTY = {"usd": 9_000_000, "concurrency": 10**6}
OTHERWISE = 10**12
# Dimension, unit, window; a policy of N has the first N.
LIMITS = (
    ("user", "requests", "60s"),
    ("team", "usd", "month"),
    ("user", "total_tokens", "60s"),
    ("user", "usd", "day"),
    ("project", "usd", "month"),
    ("org", "usd", "month"),
    ("user", "concurrency", "lifetime"),
    ("user", "usd", "7d"),
    ("team", "output_tokens", "1h"),
    ("api_key", "usd", "month"),
    ("team", "requests", "day"),
    ("org", "total_tokens", "60s"),
)


def document(count: int) -> str:
    """A policy (JSON is YAML)."""
    limits = [
        {"id": f"limit-{i}", "per": [per], "unit": unit, "amount": PLENTY.get(unit, OTHERWISE), "window": window}
        for i, (per, unit, window) in enumerate(LIMITS[:count])
    ]  # fmt: skip
    return json.dumps({"defaults": {"on_outage": "deny", "time_zone": "UTC"}, "limits": limits})
