#!/usr/bin/env python3
"""Checks the layering rules: who may include whom, and what a domain library may touch.

Usage: tools/check_layers.py [ROOT]

Prints one line per violation, "PATH:LINE: [rule] what is wrong", and exits 1 if there is any.

Rules
  order        an include points downwards in the order of libs/CMakeLists.txt
  edge         and only along an edge of EDGES below
  root         quoted includes are written from the repository's root
  third-party  each third-party library is used only where THIRD_PARTY says
  pure         domain libraries read no clock, socket, file, environment or random source
  convert      the messages of a proto file meet domain types in one *_convert pair per directory
  length       no source file has more than 800 lines
  leftover     no unfinished work, no skipped and no disabled tests
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# What each directory may include beside itself. A file belongs to the longest entry that starts its
# path. An edge that is not here is a decision to take: add it together with its reason to be.
EDGES: dict[str, set[str]] = {
    "libs/base": set(),
    "libs/log": {"libs/base"},
    "libs/http": {"libs/base"},
    "libs/money": {"libs/base"},
    "libs/window": {"libs/base"},
    "libs/forecast": {"libs/base", "libs/window"},
    "libs/policy": {"libs/base", "libs/money", "libs/window"},
    "libs/pricing": {"libs/base", "libs/money"},
    "libs/chargeback": {"libs/base"},
    "libs/anomaly": {"libs/base"},
    "libs/config": {
        "libs/base",
        "libs/money",
        "libs/window",
        "libs/policy",
        "libs/pricing",
        "libs/chargeback",
        # Its files say who has which role.
        "libs/auth",
    },
    # Globs name models as policies do; which meters are tokens is a matter of prices.
    "libs/reconcile": {"libs/base", "libs/money", "libs/policy", "libs/pricing"},
    "libs/redis": {"libs/base", "libs/log"},
    "libs/spool": {"libs/base", "libs/log"},
    "libs/sql": {"libs/base", "libs/log"},
    "libs/counters": {"libs/base", "libs/window", "libs/forecast"},
    "libs/counters/redis": {
        "libs/base",
        "libs/window",
        "libs/forecast",
        "libs/counters",
        "libs/redis",
    },
    "libs/admission": {
        "libs/base",
        "libs/money",
        "libs/window",
        "libs/forecast",
        "libs/policy",
        "libs/pricing",
        "libs/counters",
    },
    "libs/ledger": {
        "libs/base",
        "libs/log",
        # The amounts of corrections: their sums, and how much is left, in messages.
        "libs/money",
        "libs/window",
        "libs/forecast",
        "libs/policy",
        "libs/pricing",
        "libs/counters",
        "libs/admission",
        "libs/sql",
    },
    "libs/ledger/redis": {
        "libs/base",
        "libs/redis",
        "libs/counters",
        "libs/counters/redis",
        "libs/ledger",
        "libs/admission",
        "libs/policy",
        "libs/pricing",
    },
    # A limit's scope and a key's models are the policy's words.
    "libs/keys": {"libs/base", "libs/policy"},
    # Key sets of issuers.
    "libs/auth": {"libs/base", "libs/http", "libs/log"},
    # Silences and routes match as policies do; the receivers file is YAML.
    "libs/alerts": {
        "libs/base",
        "libs/log",
        "libs/http",
        "libs/money",
        "libs/policy",
        "libs/config",
        "libs/sql",
    },
    # Documents are checked when they are written, and stored as text. What a replica saves are
    # frames in files, as in a spool.
    "libs/control": {
        "libs/base",
        "libs/log",
        "libs/money",
        "libs/window",
        "libs/policy",
        "libs/pricing",
        "libs/config",
        "libs/keys",
        "libs/spool",
        "libs/sql",
    },
    "libs/control/redis": {"libs/base", "libs/control", "libs/redis"},
    # What raises alerts knows where it comes from: counters' crossings, findings, the ledger.
    "libs/alert_sources": {
        "libs/base",
        "libs/money",
        "libs/window",
        "libs/policy",
        "libs/counters",
        "libs/admission",
        "libs/anomaly",
        "libs/ledger",
        "libs/sql",
        "libs/alerts",
    },
    # History as the ledger has it, judged as a request is.
    "libs/backtest": {
        "libs/base",
        "libs/money",
        "libs/window",
        "libs/policy",
        "libs/pricing",
        "libs/counters",
        "libs/admission",
        "libs/ledger",
        "libs/sql",
    },
    "libs/reports": {"libs/base", "libs/money", "libs/window", "libs/chargeback", "libs/sql"},
    "libs/metrics": {"libs/base"},
    "libs/tracing": {"libs/base"},
    "libs/rpc": {"libs/base", "libs/log"},
}
# These stand above every library and may use each of them, but of each other only what EDGES_ABOVE
# lists.
ABOVE = ("libs/testing", "services", "tools", "tests")
EDGES_ABOVE: dict[str, set[str]] = {
    "services/quotaplane": {
        "services/quota",
        "services/ledger",
        "services/reports",
        "services/admin",
        "services/alerts",
        "services/control",
        "services/otlp",
        "services/rpc",
    },
    "services/audited": {"services/rpc"},
    "services/admin": {"services/audited", "services/rpc"},
    "services/alerts": {"services/audited", "services/rpc"},
    "services/quota": {"services/rpc"},
    "services/ledger": {"services/rpc"},
    # Its tests run on the server of services/quota, which serves every role.
    "services/reports": {"services/quota", "services/rpc"},
    "tools/client": {"tools/terminal"},
    "tools/quotactl": {"tools/client", "tools/terminal"},
    "tools/loadgen": {"tools/client", "tools/terminal"},
    # The terminal: benchmarks that take minutes show how far they are. Items are written as the
    # control plane does, in its own encoding.
    "tests": {
        "libs/testing",
        "services/control",
        "services/quota",
        "services/quotaplane",
        "services/rpc",
        "tools/terminal",
    },
}
# Only the object graph (main) and tests name a concrete store.
CONCRETE_STORES = ("libs/counters/redis",)
MAY_NAME_STORES = ("libs/counters/redis", "libs/ledger/redis", "libs/testing", "services/quotaplane", "tests")

DOMAIN = (
    "libs/money",
    "libs/window",
    "libs/forecast",
    "libs/policy",
    "libs/pricing",
    "libs/chargeback",
    "libs/anomaly",
    "libs/reconcile",
    "libs/admission",
)

# Third-party library -> (its headers, who may include them). Abseil and the standard library are
# free.
THIRD_PARTY: dict[str, tuple[str, tuple[str, ...]]] = {
    "hiredis": (r"hiredis/", ("libs/redis", "tests/bench")),
    "libpq": (r"libpq-fe\.h$|libpq/|postgres", ("libs/sql", "tests/bench")),
    "SQLite": (r"sqlite3(ext)?\.h$", ("libs/sql",)),
    "Asio": (r"asio(\.hpp|/)", ("libs/redis",)),
    "OpenSSL": (r"openssl/", ("libs/auth", "libs/redis", "libs/testing")),
    "cjose": (r"cjose/", ("libs/auth",)),
    "libcurl": (r"curl/", ("libs/http",)),
    "yaml-cpp": (r"yaml-cpp/", ("libs/config",)),
    "nlohmann-json": (
        r"nlohmann/",
        (
            "libs/alerts",
            "libs/auth",
            "libs/config",
            "libs/control",
            "libs/ledger",
            "libs/reconcile",
            "libs/reports",
            "tools",
            "tests",
        ),
    ),
    "libsodium": (r"sodium(\.h|/)", ("libs/base",)),
    "gRPC": (
        r"(grpcpp?|grpc\+\+)/|.*\.grpc\.pb\.h$",
        ("libs/rpc", "libs/testing", "services", "tools", "tests"),
    ),
    "Protobuf": (
        r"google/protobuf/|.*\.pb\.h$",
        ("libs/rpc", "libs/testing", "services", "tools", "tests"),
    ),
    "spdlog": (r"spdlog/", ("libs/log",)),
    "fmt": (r"fmt/", ("libs/log",)),
    "prometheus-cpp": (r"prometheus/", ("libs/metrics",)),
    "civetweb": (r"civetweb\.h$|CivetServer\.h$", ("libs/metrics",)),
    "CLI11": (r"CLI/", ("services/quotaplane", "tools", "tests")),
    "GoogleTest": (r"g(test|mock)/", ("libs/testing", "tests")),
    "Google Benchmark": (r"benchmark/", ("tests",)),
}
# Test files beside the source may include these wherever they stand.
IN_TESTS = ("GoogleTest", "Google Benchmark")

IMPURE = re.compile(
    r"absl::Now\b|GetCurrentTimeNanos|_clock::now|\bgettimeofday\b|\bclock_gettime\b"
    r"|(?<![\w.>:])(std::)?time\(|\b(secure_)?getenv\b|\bsetenv\b|\benviron\b"
    r"|\bsocket\(|\bgetaddrinfo\b|\b[io]?fstream\b|\bfopen\b|std::filesystem"
    r"|(?<![\w.>:])(::)?open\(|\brandom_device\b|absl::BitGen\b"
)
# Split, so that this file does not find itself.
LEFTOVER = re.compile(
    r"\bTO"
    r"DO\b|\bFIX"
    r"ME\b|\bGTEST_"
    r"SKIP\b|\bDIS"
    r"ABLED_|unittest\.sk"
    r"ip|\.sk"
    r"ipTest\("
)

MAX_LINES = 800
CPP_SUFFIXES = {".cc", ".h"}
SOURCE_SUFFIXES = CPP_SUFFIXES | {".py", ".sh", ".lua", ".proto", ".cmake"}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
# Comments, and literals whose contents must not look like code.
NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"' r"|'(?:\\.|[^'\\\n])'", re.DOTALL
)


class Violation(NamedTuple):
    path: str
    line: int
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.what}"


class Include(NamedTuple):
    line: int
    header: str
    quoted: bool


def is_under(path: str, directories: tuple[str, ...]) -> bool:
    return any(path == d or path.startswith(d + "/") for d in directories)


def is_test(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return (
        name.endswith(("_test.cc", "_bench.cc"))
        or (name.startswith("test_") and name.endswith(".h"))
        or is_under(path, ("tests",))
    )


def unit_of(path: str) -> str | None:
    """The directory whose rules hold for `path`: the longest known; None for what is not ours."""
    known = [u for u in (*EDGES, *EDGES_ABOVE) if is_under(path, (u,))]
    if known:
        return max(known, key=len)
    if is_under(path, ABOVE) or is_under(path, ("libs",)):
        return "/".join(path.split("/")[:2])
    return None


def layer_order(root: Path) -> list[str]:
    text = (root / "libs/CMakeLists.txt").read_text()
    return [
        "libs/" + name for name in re.findall(r"^add_subdirectory\((\w+)\)", text, re.MULTILINE)
    ]


def includes_of(text: str) -> list[Include]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := INCLUDE.match(line):
            found.append(Include(number, match[1] or match[2], match[1] is not None))
    return found


def without_noise(text: str) -> str:
    """Blanks comments and string literals, keeping the line numbers."""
    return NOISE.sub(lambda m: "\n" * m[0].count("\n"), text)


def check_order(path: str, includes: list[Include], order: list[str]) -> Iterator[Violation]:
    own = "/".join(path.split("/")[:2])
    for include in includes:
        target = "/".join(include.header.split("/")[:2])
        if not target.startswith("libs/") or target == own or target == "libs/testing":
            continue
        if target not in order:
            yield Violation(path, include.line, "order", f"{target} is not in libs/CMakeLists.txt")
        elif own in order and order.index(target) > order.index(own):
            yield Violation(path, include.line, "order", f"{target} stands above {own}")


def check_edges(path: str, includes: list[Include]) -> Iterator[Violation]:
    own = unit_of(path)
    for include in includes:
        target = unit_of(include.header)
        if target is None or own is None or target == own:
            continue
        if target in CONCRETE_STORES and not is_under(path, MAY_NAME_STORES) and not is_test(path):
            yield Violation(
                path, include.line, "edge", f"{own} names a concrete store: {include.header}"
            )
        elif own in EDGES:
            # A test beside its library may use all that is below (check_order), and libs/testing.
            if target not in EDGES[own] and not is_test(path):
                yield Violation(path, include.line, "edge", f"{own} may not include {target}")
        elif target not in EDGES and target not in EDGES_ABOVE.get(own, set()) | {"libs/testing"}:
            yield Violation(path, include.line, "edge", f"{own} may not include {target}")
        elif target == "libs/testing" and not is_test(path):
            yield Violation(path, include.line, "edge", f"{own} may include {target} in tests only")


def check_root(root: Path, path: str, includes: list[Include]) -> Iterator[Violation]:
    for include in includes:
        beside = (root / path).parent / include.header
        if include.quoted and beside.is_file() and not (root / include.header).is_file():
            yield Violation(path, include.line, "root", f'write "{include.header}" from the root')


def check_third_party(path: str, includes: list[Include]) -> Iterator[Violation]:
    for include in includes:
        for name, (pattern, allowed) in THIRD_PARTY.items():
            if not re.match(pattern, include.header):
                continue
            if not is_under(path, allowed) and not (is_test(path) and name in IN_TESTS):
                yield Violation(
                    path,
                    include.line,
                    "third-party",
                    f"{name} may not be used here: {include.header}",
                )
            break


def check_pure(path: str, text: str) -> Iterator[Violation]:
    if not is_under(path, DOMAIN) or is_test(path):
        return
    for number, line in enumerate(without_noise(text).splitlines(), 1):
        if match := IMPURE.search(line):
            yield Violation(
                path,
                number,
                "pure",
                f"a domain library is handed what it needs: {match[0].strip()}",
            )


def check_convert(files: dict[str, list[Include]]) -> Iterator[Violation]:
    """A boundary is a proto file in a directory. Service stubs (.grpc.pb.h) are not messages."""
    # A header and its source count as one: the source sees what the header includes.
    pairs: dict[str, list[tuple[str, Include]]] = {}
    for path, includes in files.items():
        if is_under(path, ("libs", "services")) and not is_test(path):
            pairs.setdefault(path.rsplit(".", 1)[0], []).extend((path, i) for i in includes)
    owners: dict[tuple[str, str], str] = {}
    for stem, includes in sorted(pairs.items()):
        domain = next((i.header for _, i in includes if is_under(i.header, DOMAIN)), None)
        if domain is None:
            continue
        for path, include in includes:
            if not re.search(r"(?<!\.grpc)\.pb\.h$", include.header):
                continue
            boundary = (stem.rsplit("/", 1)[0], include.header)
            if not stem.endswith("_convert"):
                what = f"{include.header} meets {domain} outside of a *_convert"
            elif owners.setdefault(boundary, stem) != stem:
                what = f"{include.header} is converted by {owners[boundary]} already"
            else:
                continue
            yield Violation(path, include.line, "convert", what)


def check_text(path: str, text: str) -> Iterator[Violation]:
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        yield Violation(path, len(lines), "length", f"{len(lines)} lines; at most {MAX_LINES}")
    for number, line in enumerate(lines, 1):
        if match := LEFTOVER.search(line):
            yield Violation(path, number, "leftover", match[0])


def source_files(root: Path) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    return sorted(p for p in listed if p and (root / p).is_file() and is_source(root / p))


def is_source(path: Path) -> bool:
    if path.suffix in SOURCE_SUFFIXES or path.name == "CMakeLists.txt":
        return True
    if path.suffix:
        return False
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def check_tree(root: Path) -> list[Violation]:
    order = layer_order(root)
    found: list[Violation] = []
    cpp_includes: dict[str, list[Include]] = {}
    for path in source_files(root):
        text = (root / path).read_text(encoding="utf-8")
        found += check_text(path, text)
        if Path(path).suffix not in CPP_SUFFIXES:
            continue
        includes = cpp_includes[path] = includes_of(text)
        found += check_order(path, includes, order)
        found += check_edges(path, includes)
        found += check_root(root, path, includes)
        found += check_third_party(path, includes)
        found += check_pure(path, text)
    found += check_convert(cpp_includes)
    return sorted(found)


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = check_tree(root)
    for violation in found:
        print(violation)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
