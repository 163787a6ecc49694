#!/usr/bin/env python3
"""The commands of docs/anomalies.md.

Usage: anomalies_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import csv
import sys

sys.dont_write_bytecode = True
import document


class AnomaliesTest(document.Case):
    DOCUMENT = "docs/anomalies.md"

    def follow(self) -> None:
        times = (f"2026-11-01 {i // 60:02}:{i % 60:02}:00" for i in range(300))
        rows = [f"{time},{100 + i % 7}" for i, time in enumerate(times)]
        rows[250] = rows[250].rpartition(",")[0] + ",9000"
        self.write("series.csv", "\n".join(["timestamp,value", *rows, ""]))
        self.paste()
        scored = list(csv.DictReader((self.here / "scores.csv").read_text().splitlines()))
        self.assertEqual(len(scored), len(rows))
        alarms = [i for i, row in enumerate(scored) if float(row["anomaly_score"]) >= 0.5]
        self.assertEqual(alarms, [250])


if __name__ == "__main__":
    document.main(__doc__)
