#!/usr/bin/env python3
"""The README's commands.

Usage: readme_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import sys

sys.dont_write_bytecode = True
import document
from blocks import blocks_in

DENIED = 3


class ReadmeTest(document.Case):
    DOCUMENT = "README.md"

    def follow(self) -> None:
        self.only_check("tools/quickstart", "tools/test")
        self.paste()

        self.have_build()
        self.replace["/tmp/quotaplane"] = str(self.here / "data")
        (policy,) = [block for block in blocks_in(self.DOCUMENT) if block.language == "yaml"]
        self.write("policy.yaml", policy.text)
        self.assert_says(self.paste(), r"valid: 2 limits, 1 overrides")
        self.assert_says(self.paste(), r"ALLOW\n(.|\n)*estimated cost +\$0\.0156\n")
        self.assert_says(self.paste(DENIED), r"DENY\n(.|\n)*user-month .* over the limit")
        self.assert_says(self.paste(), r"charged +\$0\.00978\n",
                         r"user-month .* \$0\.00978 +\$0\.00 +\$0\.02 ")  # fmt: skip

        self.wait_for_charges("acme", 1)
        self.assert_says(
            self.paste(), r"Version 1 of acme\n +state +draft\n",
            r"1 refused \(100\.0%\), which cost \$0\.00978; 1 users", r"state +active\n",
            r"in force: limit user-month, version 2\n", r"Version 3 of acme\n +state +active\n",
        )  # fmt: skip
        self.assert_says(
            self.paste(), r"raise +user-month to \$0\.05\n",
            r"stands for +team=search\n(.|\n)*\nqpk_\w+", r"intact: 6 rows ",
        )  # fmt: skip


if __name__ == "__main__":
    document.main(__doc__)
