"""Anomalies: what is unlike itself, and whether somebody watches."""

from board import ONE_IS_GOOD, ZERO_IS_GOOD, Board, Query
from use import DIMENSIONS, USE

COST = f"org_team_project_model:quotaplane_cost_usd:rate5m{{{USE}}}"
USUAL_COST = f"org_team_project_model:quotaplane_cost_usd:mean1d{{{USE}}}"
DENIED = f'org_team_project_model_decision:quotaplane_requests:rate5m{{{USE}, decision="deny"}}'
USUALLY_DENIED = f'org_team_project_model_decision:quotaplane_requests:mean1d{{{USE}, decision="deny"}}'
OPEN = "max by (kind, state) (quotaplane_alerts_open)"


def board() -> Board:
    d = Board(
        "quotaplane-anomalies",
        "Quotaplane / Anomalies",
        "What is open, whether the watch keeps up, and what is spent now next to what has been usual. `quotactl alert` has each alert "
        "with who made the difference.",
        DIMENSIONS,
        "now-24h",
    )
    d.row("Now")
    d.stat("Open anomalies", "Findings of the watch over usage that go on.", "max(quotaplane_anomaly_open_findings)", "short",
           [(None, "green"), (1, "orange")])
    d.stat(
        "Alerts that fire",
        "Of all kinds and orgs: nobody has taken them yet.",
        'sum(max by (kind) (quotaplane_alerts_open{state="firing"})) or vector(0)',
        "short",
        [(None, "green"), (1, "orange")],
    )
    d.stat("Watched", "Scopes whose usage is watched: orgs, teams, projects, users and models.", "max(quotaplane_anomaly_scopes)", "short")
    d.stat("Behind", "How far the watch is behind the ledger. Findings come that much later.",
           "max(quotaplane_anomaly_behind_seconds)", "s", [(None, "green"), (300, "orange"), (900, "red")])
    d.stat("Watches lead", "Processes that watch: one of those with the role alerts.", "sum(quotaplane_alerts_leading)", "none",
           ONE_IS_GOOD)
    d.stat("No longer watched", "Scopes that made room for others, since the process began.",
           "sum(quotaplane_anomaly_evicted_scopes_total)", "short", ZERO_IS_GOOD)
    d.row("Alerts")
    d.graph("Open alerts by kind", "Of all states but resolved.", Query(f"sum by (kind) ({OPEN})", "{{kind}}"), "short", stacked=True)
    d.graph("Open alerts by state", "Acknowledged: somebody has taken it. Silenced: a silence matches it.",
            Query(f"sum by (state) ({OPEN})", "{{state}}"), "short", stacked=True)
    d.graph("Open findings", "Anomalies that go on.", Query("max(quotaplane_anomaly_open_findings)", "open"), "short")
    d.graph("Thresholds crossed", "Crossings that were taken in, a minute.",
            Query("60 * sum(rate(quotaplane_alert_crossings_total[$__rate_interval]))", "crossings"), "short")
    d.row("Now, next to what has been usual")
    for label in ("org", "team", "model"):
        d.graph(
            f"Spend next to the last day, by {label}",
            "What the last five minutes cost, as a multiple of the mean of the last 24 hours; of what costs 0.10 USD an hour or more. "
            "The ten largest at each moment.",
            Query(
                f"topk(10, sum by ({label}) ({COST}) / (sum by ({label}) ({USUAL_COST}) > 0.1 / 3600))",
                f"{{{{{label}}}}}",
            ),
            "none",
            steps=[(None, "green"), (3, "orange"), (10, "red")],
        )
    d.graph(
        "Refusals next to the last day, by team",
        "Reserves refused in the last five minutes, as a multiple of the mean of the last 24 hours: a loop that meets its limit.",
        Query(
            f"topk(10, sum by (org, team) ({DENIED}) / (sum by (org, team) ({USUALLY_DENIED}) > 0))",
            "{{org}} {{team}}",
        ),
        "none",
        steps=[(None, "green"), (3, "orange"), (10, "red")],
    )
    d.graph(
        "Spend and its mean",
        "US dollars an hour, next to the mean of the last 24 hours.",
        [Query(f"3600 * sum({COST})", "now"), Query(f"3600 * sum({USUAL_COST})", "mean of a day")],
        "currencyUSD",
    )
    d.table(
        "Risen the most",
        "Teams, projects and models: US dollars an hour above their mean of the last 24 hours; the twenty largest.",
        {"org": "Org", "team": "Team", "project": "Project", "model": "Model"},
        [
            (
                f"topk(20, 3600 * (sum by (org, team, project, model) ({COST})"
                f" - sum by (org, team, project, model) ({USUAL_COST})))",
                "Above the mean",
                "currencyUSD",
            )
        ],
    )
    return d
