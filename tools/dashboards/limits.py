"""Limits, for admins: who is refused, which limits are close, and what is in force."""

from board import ONE_IS_GOOD, Board, Query
from use import AGREE, DIMENSIONS, OF_LIMITS, USE

REQUESTS = f"quotaplane_requests_total{{{USE}}}"
RESERVES = f'quotaplane_requests_total{{{USE}, decision!="recorded"}}'
DENIED = f'quotaplane_requests_total{{{USE}, decision="deny"}}'
USED = f"max by (org, limit, scope) (quotaplane_limit_utilization_ratio{{{OF_LIMITS}}})"
ENDS = f"min by (org, limit, scope) (quotaplane_budget_exhaustion_timestamp_seconds{{{OF_LIMITS}}})"
CLOSE = [(None, "green"), (0.8, "orange"), (1, "red")]
SOME_IS_BAD = [(None, "green"), (1, "orange")]


def board() -> Board:
    d = Board(
        "quotaplane-limits",
        "Quotaplane / Limits",
        "Who is refused, which limits are close, when budgets end, and which policies and keys are in force.",
        DIMENSIONS,
        "now-6h",
    )
    d.row("Now")
    d.stat(
        "Refused",
        "Share of all Reserves in the time that is looked at that a limit or a model rule refused.",
        f"(sum(increase({DENIED}[$__range])) or vector(0)) / sum(increase({RESERVES}[$__range]))",
        "percentunit",
        [(None, "green"), (0.01, "orange"), (0.1, "red")],
        decimals=2,
    )
    d.stat("Reserves", "Decided a second.", f"sum(rate({RESERVES}[$__rate_interval]))", "reqps")
    d.stat(
        "Limits above 80 %",
        "Limits and scopes, those of single users, keys and labels left out.",
        f"count({USED} > 0.8) or vector(0)",
        "short",
        SOME_IS_BAD,
    )
    d.stat(
        "Limits used up",
        "Of which nothing is left at present.",
        f"count({USED} >= 1) or vector(0)",
        "short",
        [(None, "green"), (1, "red")],
    )
    d.stat(
        "Budgets that end early",
        "Of the limits on this page: those that the present rate uses up before their period ends.",
        f"count({ENDS}) or vector(0)",
        "short",
        SOME_IS_BAD,
    )
    d.stat(
        "Answered without counters",
        "Reserves in the time that is looked at that `on_outage` decided, since the counter store was away.",
        "sum(increase(quotaplane_outage_answers_total[$__range])) or vector(0)",
        "short",
        [(None, "green"), (1, "red")],
        decimals=0,
    )
    d.row("Decisions")
    d.graph(
        "Decisions",
        "A second. allow_soft: past a soft limit, and let through. recorded: usage that came without a reservation.",
        Query(f"sum by (decision) (rate({REQUESTS}[$__rate_interval]))", "{{decision}}"),
        "reqps",
        stacked=True,
    )
    d.graph(
        "Share refused, by team",
        "Of the Reserves of each team; the ten with the largest share at each moment.",
        Query(
            f"topk(10, sum by (org, team) (rate({DENIED}[$__rate_interval])) / "
            f"(sum by (org, team) (rate({RESERVES}[$__rate_interval])) > 0))",
            "{{org}} {{team}}",
        ),
        "percentunit",
        most=1,
    )
    d.table(
        "Refusals",
        "The twenty teams, projects and models that were refused most often in the time that is looked at.",
        {"org": "Org", "team": "Team", "project": "Project", "model": "Model"},
        [(f"topk(20, sum by (org, team, project, model) (increase({DENIED}[$__range])))", "Refused", "short")],
    )
    d.graph(
        "Answers without counters",
        "Reserves a second that `on_outage` decided.",
        Query("sum by (decision) (rate(quotaplane_outage_answers_total[$__rate_interval]))", "{{decision}}"),
        "reqps",
    )
    d.row("How full limits are")
    d.table(
        "Fullest limits",
        "Used and held, as a share of the amount; the thirty largest. Single users, keys and labels are not here: quotactl usage has them.",
        {"org": "Org", "limit": "Limit", "scope": "Scope"},
        [(f"topk(30, {USED})", "Used", "percentunit")],
        steps=CLOSE,
        height=10,
    )
    d.graph(
        "Fullest limits over time",
        "The ten that are fullest at each moment.",
        Query(f"topk(10, {USED})", "{{limit}} {{scope}}"),
        "percentunit",
        steps=CLOSE,
        height=10,
    )
    d.table(
        "Budgets that end before their period",
        "When, at the present rate; the soonest first. docs/forecast.md says what that is worth.",
        {"org": "Org", "limit": "Limit", "scope": "Scope"},
        [(f"bottomk(30, {ENDS} - time())", "Ends in", "s")],
        steps=[(None, "red"), (86400, "orange"), (3 * 86400, "yellow")],
        smallest_first=True,
    )
    d.graph(
        "What has a forecast",
        "Counters with one; those with too little history for one; those past the bounds. Limits by key or label have none.",
        [
            Query("max(quotaplane_budget_forecast_counters)", "with a forecast"),
            Query("max(quotaplane_budget_forecast_counters_too_new)", "too new"),
            Query("max(quotaplane_budget_forecast_counters_left_out)", "left out"),
            Query("max(quotaplane_budget_forecast_limits_left_out)", "limits by key or label"),
            Query("max(quotaplane_limit_utilization_left_out)", "left out of the tables above"),
        ],
        "short",
    )
    d.row("What is in force")
    d.stat("Orgs with a policy of their own", "Others are under the file's.", "max(quotaplane_control_orgs)", "short")
    d.stat("Virtual keys", "Known to the replicas.", "max(quotaplane_control_keys)", "short")
    d.stat(
        "Replicas agree",
        "Whether all have the same last change of policies and keys.",
        AGREE,
        "short",
        ONE_IS_GOOD,
        words={"0": "no", "1": "yes"},
    )
    d.stat(
        "Oldest knowledge",
        "Of the replica that has been longest without contact to the control plane.",
        "max(quotaplane_control_age_seconds)",
        "s",
        [(None, "green"), (10, "orange"), (60, "red")],
    )
    d.stat(
        "Rejected",
        "Changes that a replica cannot use since it is of an older version.",
        "max(quotaplane_control_rejected_items)",
        "short",
        [(None, "green"), (1, "red")],
    )
    d.stat(
        "Last change",
        "Since policies or prices in force were last exchanged at any replica, or since its start.",
        "min(quotaplane_snapshot_age_seconds)",
        "s",
    )
    d.table(
        "Policies",
        "Version in force of each org with a policy of its own.",
        {"org": "Org"},
        [('max by (org) (quotaplane_policy_version{org=~"$org"})', "Version", "none")],
    )
    d.table(
        "Price books",
        "In force, and at how many replicas: more than one book for longer than seconds is a mistake.",
        {"version": "Book"},
        [("sum by (version) (quotaplane_price_book_info)", "Replicas", "none")],
    )
    d.graph(
        "Callers refused",
        "Calls a second that were refused because of who made them, by reason (docs/security.md).",
        Query("sum by (reason) (rate(quotaplane_auth_refusals_total[$__rate_interval]))", "{{reason}}"),
        "reqps",
    )
    return d
