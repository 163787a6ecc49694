"""The command line of tools/cluster."""

import argparse
import json
import sys
from pathlib import Path

from .cluster import Cluster
from .layout import ALERTMANAGER, PROMETHEUS, SENTINEL, ClusterError, default_dir
from .table import table

ROOT = Path(__file__).resolve().parents[3]


def arguments() -> argparse.Namespace:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--dir", type=Path, default=default_dir(), help="where it lives: %(default)s"
    )
    common.add_argument("--json", action="store_true", help="print the result as JSON")
    parser = argparse.ArgumentParser(
        prog="tools/cluster",
        description="Quotaplane on this machine as it is in production: three replicas that answer "
        "gateways, two ledger workers, one process each for reports, admin and alerts; a Redis "
        "Cluster of three masters and three replicas (or one master, two replicas and three "
        "Sentinels), PostgreSQL, Prometheus, Alertmanager. TLS and passwords everywhere, on "
        "127.0.0.1 alone.",
        epilog="Stopped processes keep their data. docs/cluster.md has more.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, what: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, parents=[common], help=what, description=what)

    up = command("up", "start what does not run, and say how to talk to it")
    up.add_argument(
        "--programs", type=Path, default=ROOT / "build/release/bin",
        help="where quotaplane is: %(default)s, which is built first",
    )  # fmt: skip
    up.add_argument(
        "--policy", type=Path, help="limits; the first time tools/loadgen/demo_policy.yaml, later "
        "those of the last time",
    )  # fmt: skip
    up.add_argument(
        "--sentinel", action="store_const", const=SENTINEL, dest="topology",
        help="one Redis master with replicas and Sentinels in place of a Redis Cluster; the "
        "directory remembers it",
    )  # fmt: skip
    command("status", "what runs where; exits with 1 where something does not")
    down = command("down", "stop everything")
    down.add_argument("--remove", action="store_true", help="and delete the directory")
    restart = command("restart", "one process after the other, as a rolling update does")
    restart.add_argument("what", help="a role, redis or sentinel; or a process by its name")
    failover = command("failover", "kill a Redis master, and bring it back as a replica")
    failover.add_argument("--planned", action="store_true", help="it hands over first")
    command("rotate-certificates", "new certificates for all servers, while they run")
    return parser.parse_args()


def how_to_talk(cluster: Cluster) -> dict[str, str]:
    """Commands for a shell, by what they show."""
    layout = cluster.layout
    root = cluster.credentials.token_file("root")
    gateway = cluster.credentials.token_file("gateway")

    def quotactl(server: str, token: Path, rest: str) -> str:
        tls = f"--server {layout.address(server)} --tls-ca {layout.ca} --token-file {token}"
        return f"{layout.programs / 'quotactl'} {tls} {rest}"

    load = f"--server {cluster.gateways()} --tls-ca {layout.ca} --token-file {gateway}"
    return {
        "traffic, over three replicas": f"{layout.programs / 'loadgen'} {load} --requests 4000",
        "what is used of limits": quotactl("quota-1", gateway, "usage --org acme --team search"),
        "what was spent": quotactl("reports-1", root, "report usage --org acme --group-by team"),
        "do the books balance": quotactl("ledger-1", root, "verify"),
        "a change of a limit": quotactl(
            "admin-1", root, 'limits set "team=growth: 5 usd a month" --org acme'
        ),
        "alerts": quotactl("alerts-1", root, "alert list --org acme"),
        "Prometheus": f"http://{layout.address(PROMETHEUS)}",
        "Alertmanager": f"http://{layout.address(ALERTMANAGER)}",
    }


def status_text(rows: list[dict]) -> str:
    return table(
        ("NAME", "ROLE", "ADDRESS", "METRICS", "PID"),
        [
            (row["name"], row["role"], row["address"], row.get("metrics", ""), row["pid"] or "away")
            for row in rows
        ],
        right=("PID",),
    )


def say(what: str) -> None:
    print(f"  … {what}", file=sys.stderr, flush=True)


def run(options: argparse.Namespace) -> tuple[int, dict, str]:
    """Exit code, the result, and the same for people."""
    cluster = Cluster(options.dir)
    if options.command == "down":
        pids = cluster.pids()
        cluster.down(options.remove)
        return 0, {"stopped": list(pids)}, f"{len(pids)} processes stopped\n"
    if options.command == "up":
        cluster.up(options.programs, options.policy, options.topology, say)
    else:
        cluster.open(to_change=options.command != "status")
    if options.command in ("up", "status"):
        rows = cluster.status()
        commands = how_to_talk(cluster)
        talk = "".join(f"\n# {what}\n{how}\n" for what, how in commands.items())
        result = {"dir": str(cluster.layout.dir), "processes": rows, "commands": commands}
        return int(not all(row["running"] for row in rows)), result, status_text(rows) + talk
    if options.command == "failover":
        master, replica = cluster.redis.fail_over(options.planned)
        return 0, {"from": master, "to": replica}, f"{replica} took over from {master}\n"
    if options.command == "restart":
        names = cluster.restart(options.what)
        return 0, {"restarted": names}, f"restarted: {', '.join(names)}\n"
    names = cluster.rotate_certificates()
    return 0, {"rotated": names}, f"{len(names)} servers show new certificates\n"


def main() -> int:
    options = arguments()
    try:
        code, result, text = run(options)
    except (ClusterError, OSError) as error:
        print(f"tools/cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("tools/cluster: interrupted; `up` goes on, `down` stops what runs", file=sys.stderr)
        return 130
    print(json.dumps(result, indent=2) if options.json else text, end="")
    return code


if __name__ == "__main__":
    sys.exit(main())
