"""What can be wrong in a request of AdminService: for each method good requests, and what to change
about them. `path` is a field as error details name it; `fields` are those that the error names."""

import time
from dataclasses import dataclass

import grpc

Code = grpc.StatusCode
TOO_LONG = "x" * 129
CONTROL = "a\u0007b"
BAD_TEXTS = (TOO_LONG, "é" * 65, CONTROL, "\x00", "a\nb", "\x7f", "\u0085")
BAD_REASONS = ("x" * 1001, "é" * 501, CONTROL, "\x00", "a\nb")
LEAST, MOST = -(1 << 63), (1 << 63) - 1
# What would be a terabyte if each reference were followed.
BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}]\n" for i in range(1, 21)
)
BAD_YAML = (
    "",
    "limits: 5",
    "limits: [",
    "- a\n- b",
    "limits:\n\t- a",
    "limits: []\nlimits: []",
    "nonsense: 1",
    "limits: [*nowhere]",
    "limits: \x00",
    "\x00",
    BOMB + "limits: *a20\n",
    "limits: &a [*a]",
    "[" * 50_000,
    "{a: " * 50_000,
    "limits: !!python/object:os.system ls",
    "--- a\n--- b",
    "limits: [{id: a, per: [user], unit: usd, amount: -1, window: month, on_outage: deny}]",
    "limits: [{id: a, per: [user], unit: usd, amount: 1e99, window: month, on_outage: deny}]",
    "#" * ((16 << 20) + 1),
)


@dataclass(frozen=True)
class Bad:
    """One field with a value that it must not have."""

    path: str
    value: object
    fields: tuple[str, ...] = ()  # empty: `path`
    code: Code = Code.INVALID_ARGUMENT
    reason: str = ""

    @property
    def named(self) -> set[str]:
        return set() if self.code != Code.INVALID_ARGUMENT else set(self.fields or (self.path,))


def text(path: str, required: bool = False) -> list[Bad]:
    bad = BAD_TEXTS + (("",) if required else ())
    return [Bad(path, value) for value in bad]


def reason(path: str, required: bool = False) -> list[Bad]:
    return [Bad(path, value) for value in BAD_REASONS + (("",) if required else ())]


def numbers(path: str, *values: int) -> list[Bad]:
    return [Bad(path, value) for value in values]


def unknown(path: str, *values: object) -> list[Bad]:
    return [Bad(path, value, code=Code.NOT_FOUND) for value in values]


def page() -> list[Bad]:
    bad = [Bad("page_size", value) for value in (-1, 1001, -(1 << 31), (1 << 31) - 1)]
    tokens = ("x", "=", "AQ==", "A" * 2000, "\x00", "AQ" + "A" * 40)
    return bad + [Bad("page_token", value) for value in tokens]


def document(path: str = "yaml") -> list[Bad]:
    return [Bad(path, value) for value in BAD_YAML]


def moments(path: str, required: bool = False) -> list[Bad]:
    """(seconds, nanos); None: absent."""
    bad = [(LEAST, 0), (MOST, 0), (253_402_300_800, 0), (1, -1), (1, 1_000_000_000), (-1, 0)]
    return [Bad(path, value) for value in bad + ([None] if required else [])]


def scope(path: str, *, dimensions: bool = True) -> list[Bad]:
    bad = [Bad(path, {"user": value}, (f'{path}["user"]',)) for value in ("", *BAD_TEXTS)]
    if dimensions:
        for name in ("nobody", "org", "User", "labels.", "labels.A"):
            bad.append(Bad(path, {name: "x"}, (f'{path}["{name}"]',)))
        bad.append(Bad(path, {f"labels.l{i}": "x" for i in range(33)}))
    return bad


WRITE = text("org", True) + text("request_id", True)
READ = text("org", True)
VERSION = numbers("version", -1, 0, LEAST) + unknown("version", 99, MOST)
STALE = [Bad("etag", value, code=Code.ABORTED, reason="ETAG_MISMATCH") for value in ("0", "é" * 64)]
VERSION_WRITE = WRITE + VERSION + text("etag", True) + STALE
EDITS = [
    Bad("edits", {}, ("edits.edits",)),
    Bad("edits", {"edits": [{}]}, ("edits.edits[0]",)),
    Bad("edits", {"edits": [{"remove_limit": "user-minute"}] * 1001}, ("edits.edits",)),
    *(
        Bad("edits", {"edits": [{"remove_limit": value}]}, ("edits.edits[0].remove_limit",))
        for value in ("", *BAD_TEXTS)
    ),
    Bad("edits", {"edits": [{"remove_limit": "none"}]}, code=Code.NOT_FOUND),
    *(
        Bad("edits", {"edits": [{"put_limit_yaml": value}]}, ("edits.edits[0].put_limit_yaml",))
        for value in ("", "id: a", "[", "id: [a]", "- a", BOMB + "id: *a20")
    ),
    Bad(
        "edits",
        {"edits": [{"remove_override": {}}]},
        ("edits.edits[0].remove_override.limit_id", "edits.edits[0].remove_override.match"),
    ),
    Bad(
        "edits",
        {"edits": [{"remove_override": {"limit_id": "user-month", "match": {"user": CONTROL}}}]},
        ('edits.edits[0].remove_override.match["user"]',),
    ),
    Bad(
        "edits",
        {"edits": [{"remove_override": {"limit_id": "user-month", "match": {"user": "x"}}}]},
        code=Code.NOT_FOUND,
    ),
    Bad(
        "edits",
        {"edits": [{"set_amount": {"limit_id": "user-month", "amount": "-1"}}]},
        ("edits.edits[0].set_amount.amount",),
    ),
    Bad(
        "edits",
        {"edits": [{"set_amount": {"limit_id": "none", "amount": "1"}}]},
        code=Code.NOT_FOUND,
    ),
]
AMOUNT = [
    Bad("set", None),
    *text("set.limit_id"),
    *unknown("set.limit_id", "none"),
    *scope("set.scope"),
    *text("set.unit"),
    *text("set.window"),
    *text("set.amount", True),
    *(Bad("set.amount", v) for v in ("-1", "1e3", "five", "0x10", "1.0000000001", "9" * 30, " ")),
    *(Bad("set.on_outage", v) for v in ("maybe", "ALLOW", CONTROL)),
    *text("set.time_zone"),
]
DECIDE = [
    *WRITE,
    *text("exception_id", True),
    *unknown("exception_id", "01aaaaaaaaaaaaaaaaaaaaaaaa"),
    *text("etag", True),
    *STALE,
    *reason("comment"),
]
KEY = [
    *text("key.display_name"),
    *text("key.team"),
    *text("key.project"),
    *text("key.user"),
    *(Bad("key.models", [value], ("key.models[0]",)) for value in ("", *BAD_TEXTS)),
    Bad("key.models", ["m"] * 65),
    *moments("key.expire_time"),
    Bad("key.expire_time", (1, 0)),
    Bad("key.expire_time", (int(time.time()) - 60, 0)),
]
KEY_WRITE = [
    *WRITE,
    *text("key_id", True),
    *unknown("key_id", "aaaaaaaaaaaaaaaa"),
    *STALE,
    *reason("reason"),
]
DAY_S = 86_400
RAISE = {"limit_id": "user-month", "amount": 900_000_000_000}


def _raises(values: list[dict], *fields: str) -> Bad:
    return Bad("raises", values, fields)


CASES: dict[str, list[Bad]] = {
    "CreateDraft": [
        *WRITE,
        *document(),
        *EDITS,
        *reason("reason"),
        *numbers("base_version", -1, LEAST),
        Bad("base_version", 7, code=Code.ABORTED, reason="BASE_CHANGED"),
        Bad("yaml", None, ("document",)),
    ],
    "UpdateDraft": [
        *VERSION_WRITE,
        *document(),
        *EDITS,
        *reason("reason"),
        *numbers("base_version", -1, LEAST),
        Bad("base_version", 7, code=Code.ABORTED, reason="BASE_CHANGED"),
        Bad("version", 1, code=Code.FAILED_PRECONDITION, reason="WRONG_STATE"),
        Bad("yaml", None, ("document",)),
    ],
    "DiscardDraft": [
        *VERSION_WRITE,
        *reason("reason"),
        Bad("version", 1, code=Code.FAILED_PRECONDITION, reason="WRONG_STATE"),
    ],
    "GetPolicy": [*READ, *numbers("version", -1, LEAST), *unknown("version", 99, MOST)],
    "ListPolicyVersions": [*READ, *page()],
    "DiffPolicy": [
        *READ,
        *numbers("from_version", -1, LEAST),
        *unknown("from_version", 99),
        *numbers("to_version", -1, LEAST),
        *unknown("to_version", 99),
    ],
    "PlanPolicy": [*READ, *VERSION],
    "BacktestPolicy": [
        *READ,
        *numbers("version", -1, LEAST),
        *unknown("version", 99),
        *numbers("days", 0, -1, 367, (1 << 31) - 1, -(1 << 31)),
    ],
    "ApprovePolicy": [
        *VERSION_WRITE,
        *reason("comment"),
        Bad("version", 1, code=Code.FAILED_PRECONDITION, reason="WRONG_STATE"),
    ],
    "ActivatePolicy": [
        *VERSION_WRITE,
        *reason("reason"),
        Bad("version", 1, code=Code.FAILED_PRECONDITION, reason="WRONG_STATE"),
    ],
    "RollbackPolicy": [
        *WRITE,
        *numbers("to_version", -1, LEAST),
        *unknown("to_version", 0, 99, MOST),
        Bad("to_version", 1, code=Code.FAILED_PRECONDITION, reason="WRONG_STATE"),
        Bad("to_version", 2, code=Code.FAILED_PRECONDITION, reason="WRONG_STATE"),
        Bad("to_version", 3, code=Code.FAILED_PRECONDITION, reason="WRONG_STATE"),
        *text("etag"),
        *STALE,
        *reason("reason", True),
    ],
    "SetLimit": [*WRITE, *AMOUNT, *reason("reason"), *text("etag"), *STALE],
    "GetLimit": [
        *READ,
        *text("limit_id", True),
        *unknown("limit_id", "none"),
        *scope("scope"),
        Bad("scope", {}, ("scope",)),
    ],
    "ListEffectiveLimits": [*READ, *scope("subject")],
    "RequestException": [
        *WRITE,
        *scope("scope"),
        Bad("scope", {}, ("scope",)),
        Bad("scope", {"user": "u", "team": "t"}, ('scope["team"]',)),
        _raises([], "raises"),
        _raises([RAISE] * 21, "raises"),
        _raises([RAISE, RAISE], "raises[1].limit_id"),
        *(_raises([RAISE | {"limit_id": v}], "raises[0].limit_id") for v in ("", *BAD_TEXTS)),
        _raises([RAISE | {"limit_id": "none"}], "raises[0].limit_id"),
        *(
            _raises([RAISE | {"amount": v}], "raises[0].amount")
            for v in (0, -1, LEAST, MOST, 1 << 53, 1, 250_000_000_000)
        ),
        *moments("start_time"),
        *moments("end_time", True),
        Bad("start_time", (int(time.time()) + 2 * DAY_S, 0), ("end_time",)),
        Bad("end_time", (int(time.time()) - 60, 0)),
        Bad("end_time", (int(time.time()) + 366 * DAY_S + 3600, 0)),
        *reason("reason", True),
    ],
    "ApproveException": DECIDE,
    "DenyException": DECIDE,
    "RevokeException": DECIDE,
    "GetException": [*READ, *text("exception_id", True), *unknown("exception_id", "01a")],
    "ListExceptions": [
        *READ,
        *(Bad("states", [value], ("states[0]",)) for value in (0, 7, 99, -1)),
        Bad("states", [1] * 17),
        *page(),
    ],
    "CreateKey": [*WRITE, *KEY, *reason("reason")],
    "GetKey": [*READ, *text("key_id", True), *unknown("key_id", "aaaaaaaaaaaaaaaa")],
    "ListKeys": [*READ, *text("user"), *text("team"), *text("project"), *page()],
    "UpdateKey": [
        *text("key.org", True),
        *text("request_id", True),
        *text("key.key_id", True),
        *unknown("key.key_id", "aaaaaaaaaaaaaaaa"),
        *text("key.etag", True),
        Bad("key.etag", "0", code=Code.ABORTED, reason="ETAG_MISMATCH"),
        *KEY,
        Bad("update_mask", []),
        *(
            Bad("update_mask", [value], ("update_mask.paths[0]",))
            for value in ("", "org", "key_id", "hash", "state", "*", "key.team", "team.x", CONTROL)
        ),
        Bad("update_mask", ["team", "team"], ("update_mask.paths[1]",)),
        Bad("update_mask", ["nobody"] * 5000, ("update_mask.paths[0]",)),
        *reason("reason"),
    ],
    "RotateKey": [
        *KEY_WRITE,
        *text("etag", True),
        *numbers("grace_seconds", -1, LEAST, MOST, 30 * DAY_S + 1),
    ],
    "RevokeKey": [*KEY_WRITE, *text("etag")],
    "CreatePriceBook": [
        *text("request_id", True),
        *(Bad("yaml", v) for v in BAD_YAML if "limits: [{" not in v),
        Bad("yaml", "version: \"\"\nmodels: []"),
        Bad("yaml", "version: a\nmodels: [{}]"),
        *reason("reason"),
    ],
    "GetPriceBook": [*numbers("number", -1, LEAST), *unknown("number", 99, MOST)],
    "ListPriceBooks": page(),
    "ActivatePriceBook": [
        *text("request_id", True),
        *numbers("number", 0, -1, LEAST),
        *unknown("number", 99, MOST),
        *text("etag", True),
        *STALE,
        *reason("reason"),
        *moments("activate_time"),
        Bad("activate_time", (int(time.time()) - 3600, 0)),
        Bad("activate_time", (int(time.time()) + 366 * DAY_S + 3600, 0)),
    ],
    "ExportState": READ,
    "ApplyState": [
        *WRITE,
        *(Bad("yaml", v) for v in BAD_YAML),
        *(
            Bad("yaml", "quotaplane_state: 1\n" + rest)
            for rest in (
                "org: globex",
                "exceptions: 5",
                "keys: [{}]",
                "keys: [{id: short, hash: x}]",
                "policy: {limits: 5}",
                "policy: {}\npolicy: {}",
                BOMB + "policy: *a20",
            )
        ),
        Bad("yaml", "quotaplane_state: 99"),
        *reason("reason"),
    ],
    "ListAudit": [
        *text("org"),
        *numbers("after_number", -1, LEAST),
        *(Bad("actor", value) for value in ("x" * 1001, CONTROL, "\x00")),
        *text("action"),
        *text("target"),
        *page(),
    ],
    "WatchAudit": [*text("org"), *numbers("after_number", -1, LEAST)],
    "GetPropagation": [],
    "SetLogLevel": [
        *numbers("level", 99, -1),
        Bad("level", 0, ("seconds",)),
        *numbers("seconds", 0, -1, DAY_S + 1, LEAST, MOST),
        *text("request_id", True),
        *reason("reason"),
    ],
    "GetLogLevel": [],
}  # fmt: skip
# Every value of theirs is one; or what is in them is not read.
CANNOT_BE_WRONG = {"validate_only", "dry_run", "drop_approvals"}
# Of `key` what is the server's to say.
NOT_READ = {
    "org", "key_id", "etag", "state", "author", "create_time", "rotate_time",
    "previous_until_time", "revoke_time", "revoked_by",
}  # fmt: skip
