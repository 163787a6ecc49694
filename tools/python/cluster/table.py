"""Columns of text."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> str:
    """Columns named in `right` are numbers."""
    texts = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(len(row[i]) for row in texts) for i in range(len(head))]

    def line(row: list[str]) -> str:
        cells = (
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(row, widths, head)
        )
        return "  ".join(cells).rstrip()

    return "\n".join(map(line, texts)) + "\n"
