"""The limits of the day: hard, and so tight that the busy meet them before it ends."""

import json
from dataclasses import dataclass

# How much of what a team would spend it may; others of the company have room.
SHARES = {"growth": 0.3, "support": 0.6, "search": 0.8}
OTHERS_SHARE = 2.0
ORG_SHARE = 0.9
# At noon growth is given more.
GROWTH_AFTER_NOON = 0.7
# As much as a limit may have.
MOST_USD = 9_000_000
# The busiest people make some 4 % of all requests each.
USER_SHARE_OF_MINUTE = 0.03
# Model calls that one person may have under way. The busiest have some 4 % of all, and twice that
# once teams have spent what is theirs: what loadgen keeps open is then that of the others. Much less,
# and they would hold each other up for the rest of the day.
USER_SHARE_OF_OPEN = 0.07


@dataclass
class Expected:
    """Of a day without limits."""

    team_usd: dict[str, float]
    most_per_minute: float
    open_calls: int


def document(expected: Expected, after_noon: bool) -> str:
    """A policy. (JSON is YAML.)"""
    shares = SHARES | ({"growth": GROWTH_AFTER_NOON} if after_noon else {})

    def amount(usd: float) -> float:
        return round(max(usd, 0.01), 4)

    teams = [
        {"team": team, "amount": amount(usd * shares.get(team, OTHERS_SHARE))}
        for team, usd in sorted(expected.team_usd.items())
    ]
    whole = sum(usd * min(1.0, shares.get(t, 1.0)) for t, usd in expected.team_usd.items())
    if after_noon:  # the company's amount is what it was
        whole += expected.team_usd.get("growth", 0) * (SHARES["growth"] - GROWTH_AFTER_NOON)
    per_minute = max(3, int(expected.most_per_minute * USER_SHARE_OF_MINUTE))
    open_calls = max(2, int(expected.open_calls * USER_SHARE_OF_OPEN))

    def limit(id: str, per: str, unit: str, amount: float, window: str, **more: object) -> dict:
        return {"id": id, "per": [per], "unit": unit, "amount": amount, "window": window} | more

    plenty = MOST_USD
    limits = [
        limit("org-ever", "org", "usd", amount(whole * ORG_SHARE), "lifetime"),
        limit("team-ever", "team", "usd", plenty, "lifetime", overrides=teams),
        limit("user-requests", "user", "requests", per_minute, "60s"),
        limit("user-open-calls", "user", "concurrency", open_calls, "lifetime"),
        # Far away; the books have their counters, too.
        limit("project-month", "project", "usd", plenty, "month"),
        limit("user-tokens-year", "user", "total_tokens", 10**12, "year"),
    ]
    defaults = {"on_outage": "deny", "time_zone": "UTC"}
    return json.dumps({"defaults": defaults, "unpriced_models": "deny", "limits": limits}, indent=1)
