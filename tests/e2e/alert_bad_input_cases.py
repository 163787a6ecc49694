"""What can be wrong in a request of AlertService, method by method; as admin_bad_input_cases.py."""

import time

from admin_bad_input_cases import (
    CONTROL,
    LEAST,
    MOST,
    TOO_LONG,
    Bad,
    moments,
    numbers,
    page,
    reason,
    text,
    unknown,
)

ORG = text("org")  # empty: the deployment's own
CHANGE = ORG + text("request_id", True)
DAY_S = 86_400
NOW_S = int(time.time())


def names(path: str, prefix: str) -> list[Bad]:
    bad = ("", prefix, f"{prefix}-", f"{prefix}-0", f"{prefix}--1", f"{prefix}-1x", f" {prefix}-1")
    bad += (f"{prefix}-1 ", "Z-1", f"{prefix}{prefix}-1", f"{prefix}-٣", f"{prefix}-1\x00", "-1")
    bad += (f"{prefix}-9223372036854775808", f"{prefix}-" + "9" * 100, TOO_LONG, CONTROL, "1.0")
    bad += (f"{prefix}-1;DROP TABLE alerts", f"{prefix}-1'", "0x1")
    none = (f"{prefix}-999999", "999999", f"{prefix}-9223372036854775807")
    return [Bad(path, value) for value in bad] + unknown(path, *none)


def enums(path: str, most: int) -> list[Bad]:
    first = (f"{path}[0]",)
    bad = [Bad(path, [value], first) for value in (0, -1, most + 1, -(1 << 31), (1 << 31) - 1)]
    return bad + [Bad(path, [1, most + 1], (f"{path}[1]",)), Bad(path, [1] * (most + 1))]


def matchers() -> list[Bad]:
    good = {"name": "user", "glob": "alice"}
    bad = [Bad("matchers", []), Bad("matchers", [good] * 17)]
    bad.append(Bad("matchers", [good, good], ("matchers[1].name",)))
    for value in ("", *(b.value for b in text("x")), "x" * 81):
        bad.append(Bad("matchers", [good | {"name": value}], ("matchers[0].name",)))
    for value in ("", *(b.value for b in text("x"))):
        matcher = {"name": "team", "glob": value}
        bad.append(Bad("matchers", [good, matcher], ("matchers[1].glob",)))
    return bad


OUT_OF_TIME = [
    Bad("end_time", (seconds, 0))
    for seconds in (946_684_800, NOW_S - 1, NOW_S + 32 * DAY_S, NOW_S + 4_000 * DAY_S)
]
ALERT_CHANGE = CHANGE + names("alert_id", "A") + reason("comment")
CASES = {
    "ListAlerts": [
        *ORG,
        *enums("states", 4),
        *enums("kinds", 5),
        *text("rule_id"),
        *moments("since"),
        *page(),
    ],
    "GetAlert": ORG + names("alert_id", "A"),
    "WatchAlerts": ORG + numbers("after_sequence", -1, LEAST),
    "AcknowledgeAlert": ALERT_CHANGE,
    "ResolveAlert": ALERT_CHANGE,
    "GiveFeedback": ALERT_CHANGE + numbers("feedback", 0, -1, 3, (1 << 31) - 1, -(1 << 31)),
    "CreateSilence": [
        *CHANGE,
        *matchers(),
        *moments("end_time", True),
        *OUT_OF_TIME,
        *reason("reason", True),
    ],
    "EndSilence": CHANGE + names("silence_id", "S"),
    "ListSilences": ORG + page(),
    "ListDeliveries": [*ORG, *enums("states", 3), *page()],
    "SendAgain": [
        *CHANGE,
        *numbers("delivery_id", 0, -1, LEAST),
        *unknown("delivery_id", 999_999, MOST),
    ],
    "TestDelivery": [
        *text("request_id", True),
        *text("receiver", True),
        *unknown("receiver", "nobody", "HOOK", "hook ", "../hook", "é" * 64),
    ],
}
WRITES = {
    "AcknowledgeAlert", "ResolveAlert", "GiveFeedback", "CreateSilence", "EndSilence", "SendAgain",
    "TestDelivery",
}  # fmt: skip
# Every value of theirs is one.
CANNOT_BE_WRONG = {"ended"}
