"""The fenced blocks of a document, and which of them are commands."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "docs/*.md")
SHELL = ("bash", "sh")
FENCED = re.compile(r"(?ms)^( *)```([^\n`]*)\n(.*?)^\1```[ ]*$")
# Between a block and its output there is no prose.
OUTPUT = re.compile(r"(?s)\s*^```text\n(.*?)^```$", re.MULTILINE)
ANYTHING = "…"


@dataclass(frozen=True)
class Block:
    document: str
    line: int
    language: str
    text: str
    # What the `text` block right behind it shows; none where there is no such block.
    output: str | None

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"

    def __str__(self) -> str:
        return f"{self.place}:\n{self.text}"

    @property
    def is_shell(self) -> bool:
        return self.language in SHELL


def blocks_of(text: str, document: str) -> list[Block]:
    found = []
    for match in FENCED.finditer(text):
        _, language, body = match.groups()
        output = OUTPUT.match(text, match.end())
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(document, line, language, body, output[1] if output else None))
    return found


def blocks_in(document: str) -> list[Block]:
    """`document` by its path from the root of the repository."""
    return blocks_of((ROOT / document).read_text(), document)


def documents() -> dict[str, str]:
    """Their texts, by their paths."""
    paths = [path for pattern in DOCUMENTS for path in sorted(ROOT.glob(pattern))]
    return {str(path.relative_to(ROOT)): path.read_text() for path in paths}


def prose_of(text: str) -> str:
    """Without fenced blocks."""
    return FENCED.sub("", text)


def shows(output: str, expected: str) -> bool:
    """Whether a command that prints `output` prints what a document shows: the same words, with any
    space between them. `…` stands for anything in its line, and alone in a line for any lines."""
    pattern = ""
    for line in expected.splitlines():
        if line.strip() == ANYTHING:
            pattern += r"(?:.*\n)*?"
        else:
            parts = (re.sub(r"(\\ )+", " +", re.escape(p.rstrip())) for p in line.split(ANYTHING))
            pattern += ".*".join(parts) + " *\n"
    return re.fullmatch(pattern, output if output.endswith("\n") else f"{output}\n") is not None
