#!/usr/bin/env python3
"""Every command of every document is run by a test; and links between documents lead somewhere.

Usage: documents_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import ast
import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
import document
from blocks import ROOT, SHELL, blocks_of, documents, prose_of, shows

# Of other fenced blocks. Those without a language are figures and excerpts.
LANGUAGES = {"", "ini", "json", "python", "text", "yaml"}
# Which fail where a block of the document was not taken.
BASES = {"document.Case", "document.Followed"}
COMMAND = re.compile(
    r"(?m)^\s*(?:[$#>] )?(?:(?:build/release/bin/|tools/)[a-z]+|"
    r"quotactl|quotaplane serve|loadgen|curl|docker|helm|kubectl|openssl|psql|pg_dump|redis-cli|"
    r"sudo)\b"
    r"(?![^\n]*  [^ ])"  # not the columns of a table or a tree
)
INDENTED = re.compile(r"(?m)^    \S.*$")


def scripts_of_ctest(build: Path) -> set[Path]:
    """Python programs that are tests of this build."""
    listed = subprocess.run(
        ["ctest", "--test-dir", build, "--show-only=json-v1"],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    tests = json.loads(listed.stdout)["tests"]
    words = (word for test in tests for word in test.get("command", ()))
    return {Path(word) for word in words if word.endswith(".py")}


def scripts_of_the_chart() -> set[Path]:
    """`tools/check helm` runs them all; they need Go, so CTest does not know them."""
    assert "tests/helm/run_tests.py" in (ROOT / "tools/check").read_text()
    return set((ROOT / "tests/helm").glob("*_test.py"))


def followed_by(source: str) -> set[str]:
    """The documents that this program's test cases take all commands of."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef) or not BASES & set(map(ast.unparse, node.bases)):
            continue
        for line in node.body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "DOCUMENT":
                found.add(ast.literal_eval(line.value))
    return found


def disguised(text: str) -> list[str]:
    """Commands that stand in no block of shell, where no test looks for them."""
    found = []
    blocks = blocks_of(text, "")
    outputs = {block.output for block in blocks if block.is_shell}
    for block in blocks:
        if not block.is_shell and block.language not in LANGUAGES:
            found.append(f"{block.line}: unknown language: {block.language}")
        elif block.language in ("", "text") and block.text not in outputs:
            found += [f"{block.line}: {line.group()}" for line in COMMAND.finditer(block.text)]
    found += [line for line in INDENTED.findall(prose_of(text)) if COMMAND.match(line)]
    return found


class CommandsTest(unittest.TestCase):
    def test_every_document_with_commands_has_a_test_that_runs_them(self) -> None:
        scripts = scripts_of_ctest(document.OPTIONS.build) | scripts_of_the_chart()
        followed = {name for script in scripts for name in followed_by(script.read_text())}
        with_commands = {
            name
            for name, text in documents().items()
            if any(block.is_shell for block in blocks_of(text, name))
        }
        self.assertGreater(len(with_commands), 10)
        self.assertEqual(with_commands - followed, set(), "see CONTRIBUTING.md, Documents")
        self.assertEqual(followed - with_commands, set(), "tests of documents without commands")

    def test_no_command_is_disguised(self) -> None:
        for name, text in documents().items():
            self.assertEqual(disguised(text), [], f"{name}: commands belong into ```{SHELL[0]}")

    def test_disguises_are_seen(self) -> None:
        for text in (
            "```\nquotactl verify\n```\n",
            "```\n$ quotactl usage --org acme\nLIMIT  LEFT\n```\n",
            "```text\ntools/cluster up\n```\n",
            "```json\n{}\n```\n```text\n  quotactl verify\n```\n",
            "```shell\nls\n```\n",
            "```console\n$ ls\n```\n",
            "To score it:\n\n    quotactl anomaly score --input a.csv\n",
        ):
            with self.subTest(text):
                self.assertNotEqual(disguised(text), [])

    def test_only_test_cases_of_documents_count(self) -> None:
        case = 'class A(document.Case):\n    DOCUMENT = "docs/a.md"\n'
        self.assertEqual(followed_by(case), {"docs/a.md"})
        self.assertEqual(followed_by(case.replace("document.Case", "TestCase")), set())

    def test_an_output_is_no_disguise(self) -> None:
        self.assertEqual(disguised("```bash\na\n```\n\n```text\n  quotactl verify\n```\n"), [])


class ShowsTest(unittest.TestCase):
    def test_what_a_document_shows(self) -> None:
        output = "LIMIT        LEFT   RESETS\nuser-month   $1.50  2026-12-01\nteam-month   $9\n"
        for expected in (
            output,
            "LIMIT LEFT RESETS\nuser-month $1.50 …\nteam-month $9\n",
            "…\nuser-month  $…\n…\n",
            "LIMIT        LEFT   RESETS\n…\nteam-month   $9\n",
            "…\n",
        ):
            self.assertTrue(shows(output, expected), expected)
        for expected in (
            "",
            "LIMIT  LEFT  RESETS\n",
            "LIMIT  LEFT  RESETS\nuser-month  $1.50  …\n",
            "…\nuser-month  $2.50  …\n…\n",
            "…\nteam-month  $9\n…\nuser-month  …\n…\n",
            "LIMITLEFT RESETS\n…\n",
            output.replace(".", "x"),
        ):
            self.assertFalse(shows(output, expected), expected)

    def test_an_output_stands_right_behind_its_block(self) -> None:
        text = "```bash\na\n```\n\n```text\nb\n```\nx\n```sh\nc\n```\n\ny\n```text\n```\n"
        block, other = blocks_of(text, "d")[::2]
        self.assertEqual((block.output, other.output, other.line), ("b\n", None, 9))


class CaseTest(unittest.TestCase):
    """What document.Case refuses."""

    def run_over(self, text: str, *methods: str) -> list[str]:
        def follow(case: document.Case) -> None:
            case.left = [block for block in blocks_of(text, "sample") if block.is_shell]
            for method in methods:
                getattr(case, method)()

        Sample = type("Sample", (document.Case,), {"DOCUMENT": "README.md", "follow": follow})
        result = unittest.TestResult()
        Sample("test_its_commands").run(result)
        return [error for _, error in result.failures + result.errors]

    def test_a_block_that_is_left_over(self) -> None:
        text = "```bash\ntrue\n```\n```sh\ntrue\n```\n"
        (said,) = self.run_over(text, "paste")
        self.assertIn("sample:4", said)
        self.assertEqual(self.run_over(text, "paste", "paste"), [])

    def test_a_command_that_fails(self) -> None:
        (said,) = self.run_over("```bash\necho why\nfalse\ntrue\n```\n", "paste")
        self.assertIn("why", said)

    def test_another_output(self) -> None:
        text = "```bash\necho 1; echo 2 >&2\n```\n\n```text\n1\n3\n```\n"
        (said,) = self.run_over(text, "paste")
        self.assertIn("prints:\n1\n2\n", said)
        self.assertEqual(self.run_over(text.replace("\n3", "\n2"), "paste"), [])

    def test_one_shell(self) -> None:
        text = "```bash\nexport A=1; mkdir b; cd b; touch d\n```\n"
        text += "```bash\n[[ $A == 1 ]]; ls\n```\n```text\nd\n```\n"
        self.assertEqual(self.run_over(text, "paste", "paste"), [])

    def test_what_goes_on_in_the_background_is_ended(self) -> None:
        text = "```bash\nsleep 1000 > /dev/null 2>&1 &\n```\n"
        self.assertEqual(self.run_over(text, "paste"), [])
        self.assertEqual(document.Case._children(), [])


def anchors_of(text: str) -> set[str]:
    """As GitHub makes them of titles."""
    titles = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def tests_in(source: Path) -> set[str]:
    text = source.read_text()
    if source.suffix == ".py":
        return set(re.findall(r"(?m)^ +def (test_\w+)\(", text))
    return set(re.findall(r"\bTEST(?:_[FP])?\(\w+,\s*(\w+)\)", text))


class LinksTest(unittest.TestCase):
    def test_what_stands_for_a_test_is_its_name(self) -> None:
        found = 0
        for name, text in documents().items():
            for said, path in re.findall(r"\[(\w+)\]\(([^)\s]+_test\.(?:py|cc))\)", text):
                found += 1
                self.assertIn(said, tests_in((ROOT / name).parent / path), f"{name}: {path}")
        self.assertGreater(found, 100)

    def test_they_lead_somewhere(self) -> None:
        found = 0
        for name, text in documents().items():
            for link in re.findall(r"\]\(([^)\s]+)\)", text):
                if "://" in link:
                    continue
                found += 1
                path, _, anchor = link.partition("#")
                target = (ROOT / name).parent / path if path else ROOT / name
                self.assertTrue(target.exists(), f"{name}: {link}")
                if anchor:
                    self.assertIn(anchor, anchors_of(target.read_text()), f"{name}: {link}")
        self.assertGreater(found, 50)


if __name__ == "__main__":
    document.main(__doc__)
