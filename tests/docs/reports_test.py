#!/usr/bin/env python3
"""The commands of docs/reports.md.

Usage: reports_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import sys

sys.dont_write_bytecode = True
import document
from blocks import blocks_in

PAGE = '{"data": [{"%s": %s, "%s": %s, "results": []}]}'
# The first of October 2026.
OF_ANTHROPIC = ("starting_at", '"2026-10-01T00:00:00Z"', "ending_at", '"2026-10-02T00:00:00Z"')
OF_OPENAI = ("start_time", 1790812800, "end_time", 1790899200)


class ReportsTest(document.Case):
    DOCUMENT = "docs/reports.md"

    def follow(self) -> None:
        self.serve()
        (rules,) = [block for block in blocks_in(self.DOCUMENT) if block.language == "yaml"]
        self.write("acme-chargeback.yaml", rules.text)
        self.paste()
        for name in ("acme-2026-10.csv", "acme-2026-10.jsonl", "acme-2026-10-R-100.html"):
            self.assertTrue((self.here / name).exists(), name)

        for name in ("acme-usage.json", "acme-costs.json"):
            self.write(name, PAGE % OF_ANTHROPIC)
        self.write("acme-openai.json", PAGE % OF_OPENAI)
        self.write("acme-bill.csv", "Date,SKU,USD\n2026-10-01,gpt-5-mini,0.00\n")
        self.paste()


if __name__ == "__main__":
    document.main(__doc__)
