#!/usr/bin/env python3
"""The commands of docs/dashboards.md: they put all dashboards and rules in place.

Usage: dashboards_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import sys

sys.dont_write_bytecode = True
import document
from blocks import ROOT

FILES = "helm/quotaplane/files"


class DashboardsTest(document.Case):
    DOCUMENT = "docs/dashboards.md"

    def follow(self) -> None:
        self.have("helm")
        root = self.here / "root"
        for folder in ("/var/lib/grafana", "/etc/prometheus"):
            self.replace[folder] = f"{root}{folder}"
        self.stand_in("systemctl", f'#!/bin/sh\necho "$@" > {root}/systemctl\n')
        self.paste()

        self.assertEqual((root / "systemctl").read_text(), "restart grafana-server prometheus\n")
        for folder, source in (
            ("var/lib/grafana/dashboards/quotaplane", f"{FILES}/dashboards"),
            ("etc/prometheus/quotaplane", f"{FILES}/rules"),
        ):
            placed = {path.name: path.read_text() for path in (root / folder).iterdir()}
            self.assertEqual(
                placed, {path.name: path.read_text() for path in (ROOT / source).iterdir()}
            )


if __name__ == "__main__":
    document.main(__doc__)
