"""A day's result, for people and for programs."""

from cluster.table import table

from . import timeline


def ms(us: float) -> str:
    return f"{us / 1e6:,.1f} s" if us >= 10_000_000 else f"{us / 1e3:,.1f} ms"


def share(value: float) -> str:
    """Never rounded up to all."""
    return f"{int(value * 1e5) / 1e3:.3f} %"


def rows(day: dict) -> list[dict]:
    """The day, its quiet parts, and each event."""
    slices, happened = day["slices"], day["events"]

    def row(name: str, part: list[dict], **more: object) -> dict:
        seen = timeline.summary(part)
        return {"name": name, **more, "availability": seen.availability, **vars(seen)}

    spans = [(event["start_ms"], event["end_ms"]) for event in happened]
    quiet = [
        s for s in slices
        if not any(s["start_ms"] < end and s["start_ms"] + timeline.SLICE_MS > begin for begin, end in spans)
    ]  # fmt: skip
    result = [row("the whole day", slices), row("  without events", quiet)]
    for event in happened:
        part = timeline.between(slices, event["start_ms"], event["end_ms"])
        result.append(row(event["name"], part, took_s=event["took_s"]))
    return result


HEAD = (
    *("", "TOOK", "RESERVES", "DECIDED", "OUTAGE", "FAILED", "P50", "P99", "MOST"),
    *("COMMITS", "SPOOLED", "LOST"),
)


def cells(row: dict) -> list[str]:
    return [
        row["name"],
        f"{row['took_s']:.1f} s" if "took_s" in row else "",
        f"{row['reserves']:,}",
        share(row["availability"]) if row["reserves"] else "",
        f"{row['outage']:,}",
        f"{row['failed']:,}",
        *(ms(row[key]) if row["reserves"] else "" for key in ("p50_us", "p99_us", "most_us")),
        *(f"{row['commits']:,}", f"{row['spooled']:,}", f"{row['commits_failed']:,}"),
    ]


def verdict_lines(day: dict) -> list[str]:
    """What held, and what did not."""

    def line(good: bool, text: str) -> str:
        return f"{'yes' if good else 'NO '}  {text}"

    checks, ledger, clients = day["checks"], day["ledger"], day["clients"]
    over = checks["over_admissions"]
    looks = f"{checks['hard_limits']:,} hard limits, {checks['looks']:,} looks at them"
    lines = [
        line(not over, f"not one over-admission ({looks}; refused by: {', '.join(checks['met'])})"),
        *(
            f"       {e['limit']} {e['scope']}: {e['by']:,} {e['unit']}, of which {e['told']:,} told"
            for e in over
        ),
        line(checks["books_balance"], f"verify is clean ({checks['counters']:,} counters)"),
        line(
            checks["charges_agree"],
            f"charges told to clients: {clients['charges']:,}, {clients['nano_usd'] / 1e9:,.4f} USD; "
            f"in the ledger: {ledger['charges']:,}, {ledger['nano_usd'] / 1e9:,.4f} USD",
        ),
    ]
    if day["first_failure"]:
        lines.append(f"     the first call that failed: {day['first_failure']}")
    return lines


def text(day: dict) -> str:
    run = day["run"]
    parts = [
        f"{run['requests']:,} requests in {run['elapsed_s']:,.0f} s; at most {run['peak_per_s']:,.0f}/s; "
        f"shape: {run['shape']}; Redis: {run['redis']}; calls repeated: {run['repeated_calls']:,}; "
        f"disk: {run['disk_bytes'] / (1 << 20):,.0f} MiB\n",
        table(HEAD, [cells(row) for row in day["rows"]], right=HEAD[1:]),
        "\n".join(verdict_lines(day)) + "\n",
    ]
    return "\n".join(parts)
