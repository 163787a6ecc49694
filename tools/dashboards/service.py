"""Service, for operators: does it answer, how fast, and is what it stands on well?"""

from board import ONE_IS_GOOD, ZERO_IS_GOOD, Board, Query
from use import AGREE, DIMENSIONS, USE

# Objectives: helm/quotaplane/files/rules/reserve.yaml.
FAILED_OF_ALL = 0.0005
SLOW_OF_ALL = 0.01
WINDOWS = ("5m", "1h", "6h", "1d", "3d")
CALLS = "quotaplane_rpc_requests_total"
TOOK = "quotaplane_rpc_duration_seconds_bucket"
RESERVE = 'method="QuotaService/Reserve"'
REDIS_TOOK = "quotaplane_redis_call_duration_seconds_bucket"


def quantile(q: float, by: str, series: str) -> str:
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({series}[$__rate_interval])))"


def board() -> Board:
    d = Board(
        "quotaplane-service",
        "Quotaplane / Service",
        "Whether calls are answered and how fast; the counter store, the ledger, the control plane, alerts, and the processes.",
        DIMENSIONS,
        "now-3h",
    )
    objectives(d)
    calls(d)
    store(d)
    ledger(d)
    control(d)
    processes(d)
    return d


def objectives(d: Board) -> None:
    d.row("Reserve: objectives")
    d.stat(
        "Answered",
        "Of the calls of the last day; the objective is 99.95 %. Callers' own mistakes count as answered.",
        "1 - max(job:quotaplane_reserve_errors:ratio_rate1d)",
        "percentunit",
        [(None, "red"), (1 - FAILED_OF_ALL, "green")],
        decimals=3,
    )
    d.stat(
        "Within 10 ms",
        "Of the answers of the last day, measured in the server; the objective is 99 %.",
        "1 - max(job:quotaplane_reserve_slow:ratio_rate1d)",
        "percentunit",
        [(None, "red"), (1 - SLOW_OF_ALL, "green")],
        decimals=2,
    )
    d.stat("p99 of Reserve", "In the server, as of the last minutes.", quantile(0.99, "", f"{TOOK}{{{RESERVE}}}"), "s",
           [(None, "green"), (0.01, "orange"), (0.1, "red")])
    d.stat("Calls", "Of all methods, a second.", f"sum(rate({CALLS}[$__rate_interval]))", "reqps")
    d.stat("Quota replicas", "Processes with the role quota that Prometheus sees.", 'sum(quotaplane_role{role="quota"})', "short",
           ONE_IS_GOOD)
    d.stat(
        "Alerts that fire",
        "Of the rules in helm/quotaplane/files/rules. docs/runbooks.md says what to do.",
        'count(ALERTS{alertname=~"Quotaplane.*", alertstate="firing"}) or vector(0)',
        "short",
        ZERO_IS_GOOD,
    )
    for title, series, budget, about in (
        ("How fast the budget of failures burns", "errors", FAILED_OF_ALL, "Of all calls 0.05 % may fail"),
        ("How fast the budget of slow answers burns", "slow", SLOW_OF_ALL, "Of all answers 1 % may take longer than 10 ms"),
    ):
        d.graph(
            title,
            f"{about}; at 1 the budget of a month lasts a month. Alerts: 14.4 over an hour, 6 over six, 3 over a day, 1 over three days.",
            [Query(f"max(job:quotaplane_reserve_{series}:ratio_rate{window}) / {budget}", window) for window in WINDOWS],
            "none",
            steps=[(None, "green"), (1, "orange"), (14.4, "red")],
        )
    d.table(
        "Alerts that fire",
        "Which ones, and where. Empty while all is well.",
        {"alertname": "Alert", "severity": "Severity", "team": "Team", "instance": "Instance"},
        [('ALERTS{alertname=~"Quotaplane.*", alertstate="firing"}', "Firing", "none")],
        height=6,
    )
    d.graph(
        "Reserve",
        "Decisions and failures a second.",
        Query(f"sum by (decision) (rate({CALLS}{{{RESERVE}}}[$__rate_interval]))", "{{decision}}"),
        "reqps",
        stacked=True,
        height=6,
    )


def calls(d: Board) -> None:
    d.row("Calls")
    d.graph(
        "Rate by method",
        "Calls answered a second, of the methods that are called.",
        Query(f"sum by (method) (rate({CALLS}[$__rate_interval])) > 0", "{{method}}"),
        "reqps",
    )
    d.graph(
        "Failures by method and code",
        "Calls a second whose code is not OK, callers' own mistakes too. Empty while none fails.",
        Query(f'sum by (method, code) (rate({CALLS}{{code!="OK"}}[$__rate_interval])) > 0', "{{method}} {{code}}"),
        "reqps",
    )
    d.graph(
        "Duration of Reserve",
        "In the server, from the call's arrival to its answer's departure.",
        [Query(quantile(q, "", f"{TOOK}{{{RESERVE}}}"), f"p{100 * q:g}") for q in (0.5, 0.9, 0.99, 0.999)],
        "s",
        log=True,
    )
    d.graph(
        "p99 by method",
        "In the server, of the methods that are called; of streams to their end.",
        Query(f'{quantile(0.99, "method", TOOK)} > 0', "{{method}}"),
        "s",
        log=True,
    )
    d.graph(
        "Whose requests",
        "Reserves and records a second, by org; narrowed by the variables above.",
        Query(f"topk(10, sum by (org) (rate(quotaplane_requests_total{{{USE}}}[$__rate_interval])))", "{{org}}"),
        "reqps",
        stacked=True,
    )
    d.graph(
        "Callers refused",
        "Calls a second that were refused because of who made them.",
        Query("sum by (reason) (rate(quotaplane_auth_refusals_total[$__rate_interval]))", "{{reason}}"),
        "reqps",
    )


def store(d: Board) -> None:
    d.row("Counter store and spool")
    d.stat(
        "Counter store",
        "The worst replica's view of it: while it is away, `on_outage` decides and charges are spooled.",
        'min(quotaplane_redis_available{client="counters"})',
        "none",
        ONE_IS_GOOD,
        words={"0": "away", "1": "there"},
    )
    d.stat("Spooled charges", "On all replicas' disks.", "sum(quotaplane_spool_records)", "short", ZERO_IS_GOOD)
    d.stat(
        "Fullest spool",
        "Of 256 MiB; a full one refuses Commit and Record.",
        "max(quotaplane_spool_bytes) / (256 * 1024 * 1024)",
        "percentunit",
        [(None, "green"), (0.25, "orange"), (0.75, "red")],
    )
    d.stat("Damaged records", "That a disk had damaged, put aside.", "sum(quotaplane_spool_damaged_total)", "short", ZERO_IS_GOOD)
    d.stat(
        "Calls refused",
        "In the time that is looked at, since too many waited for the store.",
        "sum(increase(quotaplane_redis_rejected_total[$__range]))",
        "short",
        ZERO_IS_GOOD,
        decimals=0,
    )
    d.stat(
        "Connections made again",
        "In the time that is looked at.",
        "sum(increase(quotaplane_redis_reconnects_total[$__range]))",
        "short",
        decimals=0,
    )
    d.graph(
        "Calls to the store",
        "A second, by who makes them: a Reserve is one, a Commit is one.",
        Query("sum by (client) (rate(quotaplane_redis_calls_total[$__rate_interval]))", "{{client}}"),
        "ops",
    )
    d.graph(
        "Duration of calls to the store",
        "From the call to its reply.",
        [Query(quantile(q, "client", REDIS_TOOK), f"{{{{client}}}} p{100 * q:g}") for q in (0.5, 0.99)],
        "s",
        log=True,
    )
    d.graph(
        "Errors, redirects and waiting calls",
        "Errors and redirects a second; calls that wait at this moment, 10,000 at most for each node.",
        [
            Query("sum by (client) (rate(quotaplane_redis_errors_total[$__rate_interval]))", "{{client}} errors"),
            Query("sum by (client) (rate(quotaplane_redis_redirects_total[$__rate_interval]))", "{{client}} redirects"),
            Query("sum by (client) (quotaplane_redis_pending_calls)", "{{client}} waiting"),
        ],
        "short",
    )
    d.graph(
        "Spool",
        "Charges that were spooled, and those charged since, a second; and how many wait.",
        [
            Query("sum(rate(quotaplane_spool_appended_total[$__rate_interval]))", "spooled"),
            Query("sum(rate(quotaplane_spool_acknowledged_total[$__rate_interval]))", "charged"),
            Query("sum(quotaplane_spool_records)", "waiting"),
        ],
        "short",
    )


def ledger(d: Board) -> None:
    d.row("Ledger")
    d.stat("Ledger", "Whether some process can write into its database.", "max(quotaplane_ledger_available)", "none", ONE_IS_GOOD,
           words={"0": "away", "1": "there"})
    d.stat("Backlog", "Charges and batches of refusals that wait for the ledger.", "max(quotaplane_ledger_outbox_messages)", "short",
           [(None, "green"), (10_000, "orange"), (500_000, "red")])
    d.stat("Oldest of it", "Age of the oldest charge that waits.", "max(quotaplane_ledger_outbox_oldest_age_seconds)", "s",
           [(None, "green"), (60, "orange"), (300, "red")])
    d.stat("Counters that differ", "From the ledger. quotactl verify shows them.", "sum(max by (unit) (quotaplane_ledger_drift_counters))",
           "short", ZERO_IS_GOOD)
    d.stat("Put aside", "Charges that no database takes.", "max(quotaplane_ledger_quarantine_messages)", "short", ZERO_IS_GOOD)
    d.stat("Books compared", "Since the last complete comparison of counters and ledger.", "min(quotaplane_ledger_books_check_age_seconds)",
           "s", [(None, "green"), (3600, "orange"), (86_400, "red")])
    d.graph(
        "Drain of the outbox",
        "Written into the ledger, a second.",
        [
            Query("sum(rate(quotaplane_ledger_charges_total[$__rate_interval]))", "charges"),
            Query("sum(rate(quotaplane_ledger_entries_total[$__rate_interval]))", "entries"),
            Query("sum(rate(quotaplane_ledger_refusal_batches_total[$__rate_interval]))", "batches of refusals"),
            Query("sum(rate(quotaplane_ledger_duplicates_total[$__rate_interval]))", "came again"),
            Query("sum(rate(quotaplane_ledger_failed_rounds_total[$__rate_interval]))", "rounds broken off"),
        ],
        "ops",
    )
    d.graph(
        "Backlog",
        "What waits in the outbox; corrections that have not reached the counters.",
        [
            Query("max(quotaplane_ledger_outbox_messages)", "outbox"),
            Query("max(quotaplane_ledger_pending_moves)", "corrections"),
        ],
        "short",
    )
    d.graph(
        "Drift",
        "Sum of the differences between counters and ledger, in US dollars, tokens, requests or units: it is to be 0.",
        Query("max by (unit) (quotaplane_ledger_drift)", "{{unit}}"),
        "short",
    )
    d.graph(
        "Comparison of the books",
        "Counters compared; orgs of which nothing could be said; seconds that a round took, with its rests.",
        [
            Query("max(quotaplane_ledger_books_counters)", "counters"),
            Query("max(quotaplane_ledger_books_unknown_orgs)", "unknown orgs"),
            Query("max(quotaplane_ledger_books_check_duration_seconds)", "seconds"),
        ],
        "short",
    )


def control(d: Board) -> None:
    d.row("Control plane and alerts")
    d.stat("Replicas agree", "Whether all have the same last change of policies and keys.",
           AGREE, "none", ONE_IS_GOOD,
           words={"0": "no", "1": "yes"})
    d.stat("Saved", "Whether every replica has policies and keys on its disk.", "min(quotaplane_control_saved)", "none", ONE_IS_GOOD,
           words={"0": "no", "1": "yes"})
    d.stat("Files not in force", "Policy, price, auth, TLS or receivers files with a mistake, over all replicas.",
           "sum(quotaplane_config_files_rejected)", "short", ZERO_IS_GOOD)
    d.stat("Alerts", "Whether some process with the role alerts can write.", "max(quotaplane_alerts_up)", "none", ONE_IS_GOOD,
           words={"0": "away", "1": "there"})
    d.stat("Watches lead", "Processes that watch usage and forecasts: one.", "sum(quotaplane_alerts_leading)", "none",
           [(None, "red"), (1, "green"), (2, "red")])
    d.stat("Messages given up", "For all receivers.", "sum(max by (receiver) (quotaplane_alert_messages_dead))", "short",
           ZERO_IS_GOOD)
    d.graph(
        "Since the last contact",
        "Of each replica with the control plane.",
        Query("quotaplane_control_age_seconds", "{{instance}}"),
        "s",
    )
    d.graph(
        "Messages",
        "Delivered, and attempts that failed, a second; messages that wait.",
        [
            Query("sum(rate(quotaplane_alert_messages_sent_total[$__rate_interval]))", "sent"),
            Query("sum(rate(quotaplane_alert_attempts_failed_total[$__rate_interval]))", "failed"),
            Query("max by (receiver) (quotaplane_alert_messages_waiting)", "{{receiver}} waiting"),
        ],
        "short",
    )


def processes(d: Board) -> None:
    d.row("Processes")
    seen = 'and on (instance) quotaplane_role{role=~".+"}'
    d.graph(
        "Processor",
        "Cores that each process uses.",
        Query(f"rate(process_cpu_seconds_total[$__rate_interval]) {seen}", "{{instance}}"),
        "short",
    )
    d.graph("Memory", "Resident, of each process.", Query(f"process_resident_memory_bytes {seen}", "{{instance}}"), "bytes")
    d.table(
        "Processes",
        "How long each has been up, and its open files and sockets.",
        {"instance": "Instance"},
        [
            (f"time() - (process_start_time_seconds {seen})", "Up", "s"),
            (f"process_open_fds {seen}", "Open files", "short"),
        ],
    )
    d.table(
        "Certificates",
        "How long they are good.",
        {"instance": "Instance", "use": "Use"},
        [("quotaplane_tls_certificate_expiry_timestamp_seconds - time()", "Good for", "s")],
        steps=[(None, "red"), (3 * 86_400, "orange"), (14 * 86_400, "green")],
        smallest_first=True,
    )
