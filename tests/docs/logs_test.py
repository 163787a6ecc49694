#!/usr/bin/env python3
"""The commands of docs/logs.md.

Usage: logs_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import sys

sys.dont_write_bytecode = True
import document


class LogsTest(document.Case):
    DOCUMENT = "docs/logs.md"

    def follow(self) -> None:
        self.serve()
        self.assert_says(self.paste(), "debug", "debug", "as they were started")


if __name__ == "__main__":
    document.main(__doc__)
