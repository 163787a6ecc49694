"""Spend, for finance: what is spent now, on what, by whom, and where it leads."""

from board import PLAIN, Board, Query
from use import BOUGHT, DIMENSIONS, OF_LIMITS, USE

COST = f"quotaplane_cost_usd_total{{{USE}}}"
TOKENS = f"quotaplane_tokens_total{{{USE}}}"
CENTERS = 'quotaplane_cost_center_spend_usd{org=~"$org", month="%s"}'
BY_CENTER = f"max by (org, cost_center) ({CENTERS})"
SHARE = [(None, "green"), (0.8, "orange"), (1, "red")]


def board() -> Board:
    d = Board(
        "quotaplane-spend",
        "Quotaplane / Spend",
        "What models cost, by whom and on what. Figures of replicas count from their start; those of the ledger are exact.",
        DIMENSIONS,
        "now-24h",
    )
    d.row("Now")
    d.stat(
        "Spend",
        "Charged in the time that is looked at. Reports (quotactl report) have the exact sum.",
        f"sum(increase({COST}[$__range]))",
        "currencyUSD",
        decimals=2,
    )
    d.stat(
        "Present rate",
        "US dollars an hour, as of the last minutes.",
        f"sum(rate({COST}[$__rate_interval])) * 3600",
        "currencyUSD",
        decimals=2,
    )
    d.stat(
        "Month under way",
        "Of all cost centers, from the ledger: exact, and the same after a restart. Teams, projects and models do not narrow it.",
        f"sum({BY_CENTER % 'open'})",
        "currencyUSD",
        decimals=2,
    )
    d.stat(
        "Last closed month",
        "As its statements have it. Empty until a month has been closed.",
        f"sum({BY_CENTER % 'closed'})",
        "currencyUSD",
        decimals=2,
    )
    d.stat(
        "Cost of a thousand requests",
        "Of those that ran, in the time that is looked at.",
        f"1000 * sum(increase({COST}[$__range])) / sum(increase(quotaplane_requests_total{{{USE}, {BOUGHT}}}[$__range]))",
        "currencyUSD",
        decimals=2,
    )
    d.stat(
        "Cost of a million tokens",
        "Over all meters and models, in the time that is looked at.",
        f"1e6 * sum(increase({COST}[$__range])) / sum(increase({TOKENS}[$__range]))",
        "currencyUSD",
        decimals=2,
    )
    d.row("Who and what")
    for label, title in (("team", "Spend by team"), ("model", "Spend by model")):
        d.graph(
            title,
            f"US dollars an hour, of the ten that spend the most at each moment. Without a {label}: no name.",
            Query(f"topk(10, sum by ({label}) (rate({COST}[$__rate_interval]))) * 3600", f"{{{{{label}}}}}"),
            "currencyUSD",
            stacked=True,
        )
    d.table(
        "Projects",
        "The twenty that cost the most in the time that is looked at.",
        {"org": "Org", "team": "Team", "project": "Project"},
        [(f"topk(20, sum by (org, team, project) (increase({COST}[$__range])))", "Spend", "currencyUSD")],
    )
    d.bars(
        "Models",
        "Spend in the time that is looked at.",
        Query(f"topk(12, sum by (model) (increase({COST}[$__range])))", "{{model}}"),
        "currencyUSD",
    )
    d.bars(
        "What the costliest people have cost today",
        "Since midnight UTC, by rank, as the replica with the highest figure has it; of all orgs. `quotactl report top` says who they are.",
        Query("max by (rank) (quotaplane_top_user_cost_usd)", "rank {{rank}}"),
        "currencyUSD",
    )
    d.graph(
        "Price of tokens",
        "US dollars for a million tokens of all meters, by model: caches and batches make it fall.",
        Query(
            f"1e6 * sum by (model) (rate({COST}[$__rate_interval])) / (sum by (model) (rate({TOKENS}[$__rate_interval])) > 0)",
            "{{model}}",
        ),
        "currencyUSD",
    )
    d.row("Tokens")
    d.graph(
        "Tokens by meter",
        "Tokens charged a second.",
        Query(f"sum by (meter) (rate({TOKENS}[$__rate_interval]))", "{{meter}}"),
        "short",
        stacked=True,
    )
    d.graph(
        "Share of the prompt read from a cache",
        "By model: what was read from a cache, of all that was sent.",
        Query(
            f'sum by (model) (rate(quotaplane_tokens_total{{{USE}, meter="cache_read"}}[$__rate_interval])) / '
            f'(sum by (model) (rate(quotaplane_tokens_total{{{USE}, meter=~"input|cache_.*"}}[$__rate_interval])) > 0)',
            "{{model}}",
        ),
        "percentunit",
        most=1,
    )
    d.row("Chargeback and budgets")
    d.table(
        "Cost centers",
        "From the ledger: the month under way, and the last one that was closed, as its statement has it.",
        {"org": "Org", "cost_center": "Cost center"},
        [(BY_CENTER % "open", "Month under way", "currencyUSD"), (BY_CENTER % "closed", "Last closed month", "currencyUSD")],
    )
    d.table(
        "Where budgets lead",
        "Share of each budget that will be used when its period ends, at the present rate; the twenty largest.",
        {"org": "Org", "limit": "Limit", "scope": "Scope"},
        [
            (
                f"topk(20, max by (org, limit, scope) (quotaplane_budget_forecast_used_ratio{{{OF_LIMITS}}}))",
                "Used at the end",
                "percentunit",
            )
        ],
        steps=SHARE,
    )
    d.stat(
        "Age of the ledger's figures",
        "Since cost centers were last read from the ledger.",
        "min(quotaplane_cost_center_spend_age_seconds)",
        "s",
        [(None, "green"), (600, "orange"), (3600, "red")],
    )
    d.stat(
        "Counted under “overflow”",
        "Requests and charges in the time that is looked at that have no series of their own, since there are more combinations of "
        "org, team, project and model than there may be. Their sum is here all the same.",
        "sum(increase(quotaplane_use_overflow_total[$__range]))",
        "short",
        [(None, "green"), (1, "orange")],
        decimals=0,
    )
    d.stat("Cost centers left out", "Series past the bound of 1,000.", "max(quotaplane_cost_center_spend_left_out)", "short", PLAIN)
    return d
