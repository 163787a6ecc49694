"""Prometheus, which scrapes every process and knows the rules of this repository, and Alertmanager."""

import json
import urllib.error
import urllib.request
from pathlib import Path

from .layout import ALERTMANAGER, PROMETHEUS, SERVERS, Layout
from .processes import Processes

RULES = Path(__file__).resolve().parents[3] / "helm/quotaplane/files/rules"


class Monitoring:
    def __init__(self, layout: Layout, processes: Processes) -> None:
        self._layout = layout
        self._processes = processes

    def _answers(self, name: str) -> bool:
        url = f"http://{self._layout.address(name)}/-/ready"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def up(self) -> None:
        self._alertmanager()
        self._prometheus()

    def _alertmanager(self) -> None:
        # Whoever wants to be told adds a receiver of their own.
        config = self._layout.run / "alertmanager.yml"
        nobody = {"receiver": "nobody", "group_by": ["alertname", "org"]}
        self._layout.write(config, json.dumps({"route": nobody, "receivers": [{"name": "nobody"}]}))
        command = [
            *("prometheus-alertmanager", f"--config.file={config}", "--cluster.listen-address="),
            f"--storage.path={self._layout.data / ALERTMANAGER}",
            f"--web.listen-address={self._layout.address(ALERTMANAGER)}",
        ]
        self._processes.start(ALERTMANAGER, command, lambda: self._answers(ALERTMANAGER))

    def _prometheus(self) -> None:
        config = self._layout.run / "prometheus.yml"
        jobs = [
            {
                "targets": [f"127.0.0.1:{self._layout.metrics_port(name)}"],
                "labels": {"role": role, "instance": name},
            }
            for name, (role, _) in SERVERS.items()
        ]
        document = {
            "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
            "rule_files": [str(RULES / "*.yaml")],
            "scrape_configs": [{"job_name": "quotaplane", "static_configs": jobs}],
            "alerting": {
                "alertmanagers": [
                    {"static_configs": [{"targets": [self._layout.address(ALERTMANAGER)]}]}
                ]
            },
        }
        self._layout.write(config, json.dumps(document))
        command = [
            *("prometheus", f"--config.file={config}"),
            f"--storage.tsdb.path={self._layout.data / PROMETHEUS}",
            f"--web.listen-address={self._layout.address(PROMETHEUS)}",
        ]
        self._processes.start(PROMETHEUS, command, lambda: self._answers(PROMETHEUS))
