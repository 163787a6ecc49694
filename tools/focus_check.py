#!/usr/bin/env python3
"""Checks a FOCUS 1.2 export (CSV) against the specification's table of columns.

Usage: tools/focus_check.py --columns focus_1_2_columns.csv EXPORT.csv

The table has the columns column, type, level, nulls, data, format. Prints one line per violation,
"LINE: [COLUMN] what is wrong" (the header is line 1), at most 50 of them, and exits 1 if there is
any. Otherwise prints how many rows it has seen and their BilledCost.
"""

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, TextIO

DECIMAL = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
CURRENCY = re.compile(r"[A-Z]{3}")
# "Tokens", "GB-Hours", "1000 Requests".
UNIT = re.compile(r"(\d+ )?[A-Z][A-Za-z]*(-[A-Z][A-Za-z]*)?")
OWN_COLUMN = re.compile(r"x_[A-Z][A-Za-z0-9]*")
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": {
        "AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases",
        "Developer Tools", "Multicloud", "Identity", "Integration", "Internet of Things",
        "Management and Governance", "Media", "Migration", "Mobile", "Networking", "Security",
        "Storage", "Web", "Other",
    },
    # Of the one category that we use.
    "ServiceSubcategory": {
        "AI Platforms", "Bots", "Generative AI", "Machine Learning",
        "Natural Language Processing", "Other (AI and Machine Learning)",
    },
}  # fmt: skip
# The second is null exactly where the first is.
TOGETHER = (
    ("PricingQuantity", "PricingUnit"),
    ("ConsumedQuantity", "ConsumedUnit"),
    ("ResourceId", "ResourceType"),
)
# A cost is rounded up to the nano per row.
ROUNDING = Decimal("0.000000001")


class Violation(NamedTuple):
    line: int
    column: str
    what: str

    def __str__(self) -> str:
        return f"{self.line}: [{self.column}] {self.what}"


class Column(NamedTuple):
    mandatory: bool
    nullable: bool
    data: str
    format: str


def read_columns(path: Path) -> dict[str, Column]:
    with path.open(newline="", encoding="utf-8") as file:
        return {
            row["column"]: Column(
                row["level"] == "Mandatory", row["nulls"] == "True", row["data"], row["format"]
            )
            for row in csv.DictReader(file)
        }


def is_moment(text: str) -> bool:
    if not DATE_TIME.fullmatch(text):
        return False
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return False
    return True


def is_key_value(text: str) -> bool:
    pairs: list[tuple[str, object]] = []
    try:
        value = json.loads(text, object_pairs_hook=lambda found: pairs.extend(found) or dict(found))
    except ValueError:
        return False
    keys = [key for key, _ in pairs]
    scalars = all(isinstance(each, (str, int, float, bool, type(None))) for _, each in pairs)
    return isinstance(value, dict) and scalars and len(keys) == len(set(keys))


def what_is_wrong(name: str, column: Column, value: str) -> str | None:
    """Of one field by itself."""
    if value == "":
        return None if column.nullable else "is null"
    if column.data == "Decimal" and not DECIMAL.fullmatch(value):
        return f"is no decimal: {value!r}"
    if column.data == "Date/Time" and not is_moment(value):
        return f"is no UTC date and time: {value!r}"
    if column.data == "JSON" and not is_key_value(value):
        return f"is no JSON object of single values: {value!r}"
    if "Currency" in column.format and not CURRENCY.fullmatch(value):
        return f"is no currency: {value!r}"
    if "unitformat" in column.format and not UNIT.fullmatch(value):
        return f"is no unit: {value!r}"
    if name in ALLOWED and value not in ALLOWED[name]:
        return f"is not an allowed value: {value!r}"
    return None


def check_header(header: list[str], columns: dict[str, Column]) -> Iterator[Violation]:
    for name in header:
        if name not in columns and not OWN_COLUMN.fullmatch(name):
            yield Violation(1, name, "is no column of FOCUS, and does not begin with x_")
    for name in sorted({name for name in header if header.count(name) > 1}):
        yield Violation(1, name, "is there more than once")
    for name, column in columns.items():
        if column.mandatory and name not in header:
            yield Violation(1, name, "is mandatory, and is missing")


def check_together(line: int, row: dict[str, str]) -> Iterator[Violation]:
    """What one row's fields say of each other."""
    for quantity, unit in TOGETHER:
        if (row.get(quantity, "") == "") != (row.get(unit, "") == ""):
            yield Violation(line, unit, f"is null where {quantity} is not, or the other way round")
    for period in ("BillingPeriod", "ChargePeriod"):
        if row[f"{period}Start"] >= row[f"{period}End"]:
            yield Violation(line, f"{period}End", "is not after its start")
    for name in ("BillingPeriodStart", "BillingPeriodEnd"):
        if not row[name].endswith("-01T00:00:00Z"):
            yield Violation(line, name, f"is no beginning of a month: {row[name]}")
    correction = row["ChargeClass"] == "Correction"
    if not correction and row["ChargePeriodStart"] < row["BillingPeriodStart"]:
        yield Violation(line, "ChargePeriodStart", "is before the billing period")
    if correction or row["ChargeCategory"] != "Usage":
        return
    for name in ("PricingQuantity", "ListUnitPrice", "ContractedUnitPrice", "SkuPriceId"):
        if row.get(name) == "":
            yield Violation(line, name, "is null for usage that is no correction")
            return
    if "ListUnitPrice" in row:
        cost = Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"])
        if not 0 <= Decimal(row["ListCost"]) - cost < ROUNDING:
            yield Violation(line, "ListCost", f"is not quantity times unit price, which is {cost}")


def check(export: TextIO, columns: dict[str, Column]) -> Iterator[Violation | Decimal]:
    """Violations, and the BilledCost of each row that has none."""
    reader = csv.reader(export, strict=True)
    header = next(reader, [])
    broken = list(check_header(header, columns))
    yield from broken
    if broken:
        return
    for number, fields in enumerate(reader, 2):
        if len(fields) != len(header):
            yield Violation(number, "", f"has {len(fields)} fields, the header {len(header)}")
            continue
        row = dict(zip(header, fields, strict=True))
        found = [
            Violation(number, name, wrong)
            for name, value in row.items()
            if name in columns and (wrong := what_is_wrong(name, columns[name], value))
        ]
        found = found or list(check_together(number, row))
        yield from found
        if not found:
            yield Decimal(row["BilledCost"])


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks a FOCUS 1.2 export.")
    parser.add_argument("--columns", type=Path, required=True)
    parser.add_argument("export", type=Path)
    options = parser.parse_args()
    rows, total, violations = 0, Decimal(0), 0
    with options.export.open(newline="", encoding="utf-8") as export:
        for result in check(export, read_columns(options.columns)):
            if isinstance(result, Decimal):
                rows += 1
                total += result
            elif (violations := violations + 1) <= 50:
                print(result)
    if violations:
        print(f"{violations} violations")
        return 1
    print(f"{rows} rows are as FOCUS 1.2 has them; BilledCost {total}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
