"""quotactl, as whoever runs the cluster."""

import json
import subprocess

from cluster.cluster import Cluster, ClusterError


def run(cluster: Cluster, server: str, *words: object) -> subprocess.CompletedProcess:
    layout = cluster.layout
    command = [layout.programs / "quotactl", "--json", "--server", layout.address(server)]
    command += ["--tls-ca", layout.ca, "--token-file", cluster.credentials.token_file("root")]
    return subprocess.run(list(map(str, [*command, *words])), capture_output=True, text=True)


def ask(cluster: Cluster, server: str, *words: object) -> dict:
    done = run(cluster, server, *words)
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}"
        raise ClusterError(f"quotactl {' '.join(map(str, words))}: {said}")
    return json.loads(done.stdout)
