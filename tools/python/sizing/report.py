"""Figures, for people."""

from cluster.table import table

from . import plan

MIB = 1 << 20
GIB = 1 << 30
NAMES = {"postgres": "PostgreSQL", "sqlite": "SQLite"}


def _us(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _share(value: float) -> str:
    return f"{value * 100:.1f} %"


def size(bytes_: float) -> str:
    """Three digits or four."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (1 << 10, "KiB")):
        if bytes_ >= 10 * unit:
            number = bytes_ / unit
            return f"{number:,.0f} {name}" if number >= 100 else f"{number:.1f} {name}"
    return f"{bytes_:.0f} B"


def costs(seen: dict) -> list[dict]:
    """In order."""
    return sorted(
        seen["costs"], key=lambda row: (row["database"], not row["tls"], row["limits"])
    )


def _costs(seen: dict) -> str:
    roles = ("quota", "redis", "ledger", "postgres", "alerts")
    head = ("LIMITS", "TLS", "LEDGER IN", *(role.upper() for role in roles), "ALL")
    rows = [
        [
            row["limits"], "yes" if row["tls"] else "no", NAMES[row["database"]],
            *(_us(row["us"].get(role)) for role in roles), _us(row["us_total"]),
        ]
        for row in costs(seen)
    ]  # fmt: skip
    return "Processor time of a request, in µs\n" + table(head, rows, right=("LIMITS", *head[3:]))


def _network(seen: dict) -> str:
    rows = [
        [row["limits"], "yes" if row["tls"] else "no", *(f"{row['gateway_bytes'][way]:,.0f} B" for way in ("in", "out"))]
        for row in costs(seen) if row["gateway_bytes"]
    ]  # fmt: skip
    head = ("LIMITS", "TLS", "TO THE SERVER", "FROM IT")
    return "Between gateway and server, per request\n" + table(head, rows, right=("LIMITS", *head[2:]))


def _rates(seen: dict) -> str:
    roles = ("quota", "redis", "ledger", "postgres")
    head = ("LIMITS", "TLS", "LEDGER IN", *(role.upper() for role in roles))
    rows = [
        [
            row["limits"], "yes" if row["tls"] else "no", NAMES[row["database"]],
            *(_us(row["per_s_and_core"].get(role)) for role in roles),
        ]
        for row in costs(seen)
    ]  # fmt: skip
    return "Requests a second that one core does\n" + table(head, rows, right=("LIMITS", *head[3:]))


def _processes(seen: dict) -> str:
    slow = seen["slow"]
    head = ("PROCESS", "IDLE", f"AT {slow['per_s']:.0f}/S", "MEMORY", "LOADED")
    rows = [
        [
            role, _share(seen["idle_cores"][role]), _share(slow["cores"][role]),
            f"{memory['idle']:.0f} MiB", f"{memory['loaded']:.0f} MiB",
        ]
        for role, memory in seen["memory_mib"].items()
    ]  # fmt: skip
    return "Shares of a core, and memory\n" + table(head, rows, right=head[1:])


def _redis(seen: dict) -> str:
    redis, people = seen["redis"], seen["people"]
    stays = redis["staying_bytes"]
    rows = [
        ("a counter of a calendar window", f"{redis['bytes']['calendar_counter']:.0f} B"),
        ("a counter of a sliding window", f"{redis['bytes']['sliding_counter']:.0f} B"),
        ("a reservation that is open", f"{redis['bytes']['open_reservation']:.0f} B"),
        ("one that has ended, for ten minutes", f"{redis['bytes']['ended_reservation']:.0f} B"),
        ("a charge that waits for the ledger", f"{redis['bytes']['waiting_charge']:.0f} B"),
        ("tables of keys, above all that", _share(redis["unexplained"])),
        ("an amount of a person's own", f"{people['overrides']['redis_bytes_each']:.0f} B"),
        ("  in each replica", f"{people['overrides']['quota_bytes_each']:.0f} B"),
        ("a virtual key", f"{people['keys']['redis_bytes_each']:.0f} B"),
        ("  in each replica", f"{people['keys']['quota_bytes_each']:.0f} B"),
        ("an empty store", size(redis["idle_used_bytes"])),
        ("what stays of the first half of the requests", size(stays[0])),
        ("what stays of both", size(stays[1])),
        ("append-only file, per million requests", size(redis["aof_bytes_per_million"])),
        ("received, per million requests", size(redis["received_bytes_per_million"])),
        ("sent, per million requests", size(redis["sent_bytes_per_million"])),
    ]
    return table(("REDIS", "BYTES"), rows, right=("BYTES",))


def _database(seen: dict, name: str) -> str:
    grown = seen[name]
    rows = [
        (
            what, size(grown[what]["table"]), size(grown[what]["index"]),
            f"{grown[what]['rows'] / 1e6:.2f} million",
        )
        for what in ("entries", "keys")
    ]  # fmt: skip
    rows.append(("both", size(grown["bytes_per_million"]), "", ""))
    rows.append(("  of the first half", size(grown["first_bytes_per_million"]), "", ""))
    for what in ("hours", "days"):
        rows.append(
            (
                f"a row of sums by {what[:-1]}", size(grown[what]["bytes_per_row"]), "",
                f"{grown[what]['rows_per_person']:.1f} a person",
            )
        )
    if "log_bytes_per_million" in grown:
        rows.append(("write-ahead log", size(grown["log_bytes_per_million"]), "", ""))
    return table((f"{NAMES[name].upper()}, PER MILLION REQUESTS", "BYTES", "INDEXES", "ROWS"), rows,
                 right=("BYTES", "INDEXES", "ROWS"))  # fmt: skip


def figures_text(seen: dict) -> str:
    run = seen["run"]
    parts = [
        _costs(seen), _rates(seen), _network(seen), _processes(seen), _redis(seen),
        _database(seen, "postgres"), _database(seen, "sqlite"),
        f"{run['requests']:,} requests in each long run; {run['elapsed_s']:,.0f} s; "
        f"{run['machine']}, {run['cores']} cores; commit {run['commit']}, {run['date']}\n",
    ]  # fmt: skip
    return "\n".join(parts)


def plan_text(seen: dict, demand: plan.Demand) -> str:
    """What a company needs."""
    cores = plan.cores(seen, demand)
    redis = plan.redis_bytes(seen, demand)
    processor = [(role, f"{each:.2f}") for role, each in cores.items()]
    processor.append(("together", f"{sum(cores.values()):.2f}"))
    words = {
        "empty": "an empty store",
        "counters": "counters",
        "open": f"reservations that are open, {plan.CALL_S} s each",
        "ended": f"reservations that have ended, {plan.REMEMBERED_S} s",
        "outage": f"charges, while the database is away for {plan.OUTAGE_S // 3600} h",
    }
    memory = [(words[name], size(each)) for name, each in redis.items()]
    memory.append(("together", size(sum(redis.values()))))
    ages = [("a month", plan.MONTH_DAYS)] + [(f"{age} days", age) for age in plan.AGES]
    disk = [
        (f"{NAMES[name]}, {what}", size(plan.database_bytes(seen, demand, name, days)))
        for name in ("postgres", "sqlite")
        for what, days in ages
    ]
    per_million = demand.requests_a_day / 1e6
    redis_log = seen["redis"]["aof_bytes_per_million"] * per_million
    log = seen["postgres"]["log_bytes_per_million"] * per_million
    disk.append(("Redis' append-only file, written a day", size(redis_log)))
    disk.append(("PostgreSQL's write-ahead log, written a day", size(log)))
    return "\n".join(
        [
            f"{demand.people:,} people, {demand.requests_a_day:,} requests a day: "
            f"{demand.mean_per_s:,.0f} a second, {demand.peak_per_s:,.0f} at the peak; "
            f"{demand.limits} limits each\n",
            table((f"CORES, {plan.BUSY * 100:.0f} % BUSY AT THE PEAK", "CORES"), processor,
                  right=("CORES",)),
            table(("REDIS, AT MOST", "MEMORY"), memory, right=("MEMORY",)),
            table(("DISK", "SIZE"), disk, right=("SIZE",)),
        ]
    )  # fmt: skip
