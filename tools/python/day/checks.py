"""The promises, once the day is over: what limits had, whether the books balance."""

import json
from datetime import datetime

from cluster.cluster import Cluster

from . import ctl, load, verdict


def books(cluster: Cluster) -> tuple[bool, dict]:
    """Whether verify is clean, and what it said."""
    done = ctl.run(cluster, "ledger-1", "verify", "--org", load.ORG, "--patience", "60s")
    try:
        said = json.loads(done.stdout)
    except ValueError:
        return False, {"error": f"{done.stdout}{done.stderr}"}
    return done.returncode == 0 and bool(said.get("balanced")), said


def in_ledger(cluster: Cluster, since: datetime) -> dict:
    day = since.date().isoformat()
    report = ctl.ask(cluster, "reports-1", "report", "usage", "--org", load.ORG, "--from", day)
    total = report["total"]
    return {"charges": int(total["requests"]), "nano_usd": int(total["cost_nano_usd"])}


def told_to_clients(results: list[dict]) -> dict:
    return {
        "charges": sum(result["committed"] for result in results),
        "nano_usd": sum(result["spent_nano_usd"] for result in results),
    }


def of(cluster: Cluster, results: list[dict], since: datetime) -> dict:
    """Beside the promises: what the ledger has, and what clients were told."""
    found = verdict.excesses(results)
    hard = [seen for result in results for seen in result["limits_seen"] if seen["refuses"]]
    balance, said = books(cluster)
    ledger, clients = in_ledger(cluster, since), told_to_clients(results)
    checks = {
        "hard_limits": len({(seen["limit_id"], seen["scope"]) for seen in hard}),
        "looks": sum(seen["looks"] for seen in hard),
        "met": verdict.met(results),
        "excesses": list(map(vars, found)),
        "over_admissions": list(map(vars, verdict.over_admissions(found))),
        "books_balance": balance,
        "books": said,
        "counters": sum(int(org["counters"]) for org in said.get("orgs", [])),
        "charges_agree": ledger == clients,
    }
    return {"checks": checks, "ledger": ledger, "clients": clients}


def held(checks: dict) -> bool:
    """The promises. That ledger and clients agree, a killed master may prevent."""
    return not checks["over_admissions"] and checks["books_balance"]
