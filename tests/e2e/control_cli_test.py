#!/usr/bin/env python3
"""quotactl on the control plane of a real server: what each command says, to people and to
programs, whom it asks, and what it leaves as it was.

Usage: control_cli_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC [UNITTEST…]
"""

import json
import re
import shlex
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import OWN_POLICY, POLICY, poll
from client_case import PRICES
from control_case import FAILED, WRONG_USE, ControlCase, main

USD = 1_000_000_000


COMMANDS = {
    "policy": "draft plan backtest approve activate rollback history diff show discard validate",
    "limits": "set list get",
    "exception": "request approve deny revoke show list",
    "key": "create update rotate revoke show list",
    "prices": "push activate history",
    "audit": "list tail verify",
    "alert": "list show watch ack resolve feedback silence silences unsilence deliveries send-again"
    " test",
}
COMMANDS = [[group, verb] for group, verbs in COMMANDS.items() for verb in verbs.split()]
COMMANDS += [["apply"], ["export"], ["login"], ["logout"], ["token", "new"]]


class HelpTest(ControlCase):
    def test_each_command_shows_examples_that_are_understood(self) -> None:
        nowhere = ("--server", "127.0.0.1:1", "--timeout", "1s")
        for command in COMMANDS:
            with self.subTest(command):
                examples = self.says("", *command, "--help").split("Examples:\n")[1]
                lines = [shlex.split(l.split(" > ")[0].split(" >> ")[0].split(" < ")[0])
                         for l in examples.replace("\\\n", " ").splitlines()]  # fmt: skip
                lines = [line[1:] for line in lines if line[:1] == ["quotactl"]]
                self.assertTrue(any(line[: len(command)] == command for line in lines), lines)
                if command[0] in ("login", "logout", "token"):
                    continue
                for line in lines:
                    # Nothing listens there: what passes the checks does not get further.
                    self.run_by("ann", *line, *nowhere, code=FAILED)


class PolicyTest(ControlCase):
    def test_the_life_of_a_version(self) -> None:
        self.assertIn("under the default policy", self.says("val", "policy", "history"))
        self.assertIn("no version of its own", self.says("val", "policy", "show"))
        file = self.write("own.yaml", OWN_POLICY)
        checked = self.message("PolicyVersion", "ann", "policy", "draft", file, "--check")
        self.assertEqual(checked.version, 0)

        text = self.says("ann", "policy", "draft", file, "--reason", "more for all")
        self.assertRegex(text, rf"Version 1 of {self.org}\n")
        for fact in (r"state +draft\n", r"author +token:ann\n", r"reason +more for all\n"):
            self.assertRegex(text, fact)
        for verb in ("plan", "backtest", "activate"):
            self.assertIn(f"  quotactl policy {verb} 1 --org {self.org}  ", text)
        diff = self.says("val", "policy", "diff", 0, 1)
        self.assertRegex(diff, r"^~  limits\[user-month\]\.amount +100 -> 250\n$")
        self.assertEqual(
            len(self.message("DiffPolicyResponse", "val", "policy", "diff", 0, 1).changes), 1
        )

        text = self.says("ann", "policy", "activate", 1, "--yes")
        self.assertRegex(text, r"activated +.*, by token:ann\n")
        self.assertIn(f"quotactl policy rollback --org {self.org} --reason WHY", text)
        limit = self.message(
            "EffectiveLimit", "val", "limits", "get", "user-month", "--scope", "user=x"
        )
        self.assertEqual(limit.amount, 250 * USD)

        # Of a limit that is new a draft has to say more.
        new = ("policy", "draft", "--set", "team=ads: 7 usd a month", "--check")
        self.assertIn("set_amount.on_outage: ", self.wrong("ann", *new))
        self.says("ann", *new, "--on-outage", "allow", "--zone", "Europe/Berlin")
        # A change of that draft, and then no draft any more.
        self.says("ann", "policy", "draft", "--set", "user=bob: 7 usd a month")
        text = self.says(
            "ann", "policy", "draft", "--version", 2, "--set", "user=bob: 9 usd a month"
        )
        self.assertRegex(text, r"Version 2 .*\n +state +draft\n +base +1\n")
        self.assertIn("  - {user: bob, amount: 9}", self.says("val", "policy", "show", 2, "--yaml"))
        self.assertRegex(self.says("ann", "policy", "discard", 2, "--yes"), r"state +discarded\n")

        self.says("ann", "limits", "set", "user=bob: 9 usd a month")
        text = self.says("ann", "policy", "rollback", "--yes", "--reason", "as it was")
        self.assertRegex(text, r"Version 4 (.|\n)*state +active\n(.|\n)*reason +as it was\n")
        history = self.says("val", "policy", "history")
        self.assertRegex(history, r"^VERSION  STATE +BASE  AUTHOR +CREATED")
        states = re.findall(r"(?m)^ +(\d)  (\w+)", history)
        self.assertEqual(
            states, [("4", "active"), ("3", "superseded"), ("2", "discarded"), ("1", "superseded")]
        )
        newest = self.message("ListPolicyVersionsResponse", "val", "policy", "history", "--most", 1)
        self.assertEqual([v.version for v in newest.versions], [4])
        self.assertTrue(newest.next_page_token)
        self.assertIn("… and more", self.says("val", "policy", "history", "--most", 1))

        # What is shown can be drafted again.
        again = self.write("again.yaml", self.says("val", "policy", "show", "--yaml"))
        self.says("ann", "policy", "draft", again)
        self.assertEqual(self.says("val", "policy", "diff", 1, 5), "No changes.\n")

    def test_tried_before_it_is_in_force(self) -> None:
        spent = ("--user", "alice", "--model", "large", "--input-tokens", 10_000_000)
        self.says("gil", "record", "--id", "r-1", *spent)
        self.says("gil", "record", "--id", "r-2", *spent)
        self.says("ann", "policy", "draft", "--set", "user=alice: 50 usd a month")
        plan = poll(
            lambda: (p := self.message("PlanPolicyResponse", "val", "policy", "plan", 1))
            and p.over_at_once
            and p
        )
        self.assertEqual([(s.limit_id, s.used) for s in plan.scopes], [("user-month", 60 * USD)])
        text = self.says("val", "policy", "plan", 1)
        self.assertRegex(
            text,
            r"user-month  \S+ user=alice\} +month UTC +\$100\.00 +\$50\.00 +\$60\.00"
            r" +120\.0%  over at once\n",
        )
        self.assertRegex(text, r"\n1 over at once, as of 20")

        tried = ("policy", "backtest", 1, "--days", 1)
        result = self.message("BacktestResult", "ann", *tried)
        self.assertEqual((result.charges, result.refused), (2, 1))
        text = self.says("ann", *tried)
        self.assertRegex(
            text, r"2 charges, \$60\.00\n1 refused \(50\.0%\), which cost \$30\.00; 1 users"
        )
        self.assertRegex(text, r"user-month +limit +1 +\$30\.00 +0 +1  20")
        self.assertIn("days", self.wrong("ann", "policy", "backtest", 1, "--days", 0))

    def test_two_people_agree(self) -> None:
        file = self.write("approved.yaml", OWN_POLICY + "approvals: 2\n")
        self.says("ann", "policy", "draft", file)
        self.says("ann", "policy", "activate", 1, "--yes")
        text = self.says("ann", "limits", "set", "user=alice: 400 usd a month", "--reason", "OPS-1")
        self.assertIn("written as version 2", text)
        self.assertRegex(
            text, r"quotactl policy approve 2 --org \S+ +by others.*2 approvals are missing"
        )
        activate = ("policy", "activate", 2, "--yes")
        self.assertIn("NOT_APPROVED", self.wrong("ann", *activate, code=FAILED))
        self.assertIn("ROLE_MISSING", self.wrong("ann", "policy", "approve", 2, code=FAILED))

        # One by a token that was kept, one by the environment.
        kept = self.run_by("", "login", "--json", stdin=self.token("bob") + "\n")
        self.assertEqual(json.loads(kept.stdout)["server"], self.address)
        text = self.run_by("", "policy", "approve", 2, "--reason", "fine").stdout
        self.assertRegex(text, r"approvals +1 of 2\n +token:bob: fine\n")
        self.assertIn("1 approval is missing", text)
        self.assertIn("ALREADY_APPROVED", self.wrong("", "policy", "approve", 2, code=FAILED))
        self.assertIsNone(json.loads(self.run_by("", "logout", "--json").stdout)["kept_in"])
        missing = self.wrong("", "policy", "approve", 2, code=FAILED)
        self.assertIn("quotactl login", missing)
        self.says("bea", "policy", "approve", 2)
        self.assertRegex(self.says("ann", *activate), r"token:bob: fine\n +token:bea\n")

    def test_a_draft_that_was_overtaken(self) -> None:
        file = self.write("overtaken.yaml", OWN_POLICY + "approvals: 1\n")
        self.says("ann", "policy", "draft", file)
        self.says("ann", "policy", "activate", 1, "--yes")
        self.says("amy", "policy", "draft", "--set", "user=bob: 7 usd a month")
        self.says("bob", "policy", "approve", 2)
        update = ("policy", "draft", file, "--version", 2)
        self.assertIn("WRONG_STATE", self.wrong("amy", *update, code=FAILED))
        # Another version takes force meanwhile.
        self.says("ann", "policy", "draft", "--set", "user=alice: 9 usd a month")
        self.says("bob", "policy", "approve", 3)
        self.says("ann", "policy", "activate", 3, "--yes")
        self.assertIn("BASE_CHANGED", self.wrong("amy", *update, "--drop-approvals", code=FAILED))
        self.assertIn(
            "BASE_CHANGED",
            self.wrong("amy", *update, "--drop-approvals", "--base", 1, code=FAILED),
        )
        text = self.says("amy", *update, "--drop-approvals", "--base", 3)
        self.assertRegex(text, r"Version 2 .*\n +state +draft\n +base +3\n")
        self.assertRegex(text, r"approvals +0 of 1\n")
        self.assertIn(
            "--version excludes --check", self.run_by("amy", *update, "--check", code=WRONG_USE).stderr
        )

    def test_a_wrong_document_is_named_with_its_line(self) -> None:
        wrong = self.write("wrong.yaml", POLICY.replace("window: month", "window: fortnight"))
        said = self.wrong("ann", "policy", "draft", wrong)
        self.assertRegex(said, r"INVALID_ARGUMENT: yaml: \S*:5: limits\[0\]\.window: ")
        self.assertIn("--set: ", self.wrong("ann", "policy", "draft", "--set", "alice"))
        for arguments in (("draft",), ("draft", wrong, "--set", "user=a: 1 usd a month")):
            self.assertIn("either a FILE", self.wrong("ann", "policy", *arguments))
        self.assertIn("no policy version 9", self.wrong("val", "policy", "show", 9, code=FAILED))
        self.assertIn(
            "nowhere.yaml", self.wrong("ann", "policy", "draft", "nowhere.yaml", code=FAILED)
        )
        done = self.run_by("ann", "policy", "rollback", "--yes", code=WRONG_USE)
        self.assertIn("--reason", done.stderr)
        self.assertIn("under the default policy", self.says("val", "policy", "history"))

    def test_validate_shows_who_is_in_which_tier(self) -> None:
        tiers = """
approvals: 1
tiers:
  - {tier: restricted, when: {team: [interns, "contractor-*"]}}
  - {tier: standard}
models:
  - {id: small-ones, tier: restricted, allow: ["small*"]}
"""
        file = self.write(
            "tiers.yaml",
            tiers + POLICY.replace("{id: user-month,", "{id: user-month, tier: standard,"),
        )
        text = self.says("", "policy", "validate", file)
        self.assertRegex(
            text,
            r"RISK TIER +WHO +LIMITS +MODEL RULES\n"
            r"restricted +team=interns\|contractor-\* +small-ones\n"
            r"standard +everybody else +user-month\n",
        )
        self.assertIn("needs 1 approval", text)
        verdict = self.json("", "policy", "validate", file)
        self.assertEqual(verdict["approvals"], 1)
        self.assertEqual(
            verdict["tiers"][0],
            {
                "tier": "restricted",
                "when": {"team": ["interns", "contractor-*"]},
                "limits": [],
                "model_rules": ["small-ones"],
            },
        )


class LimitsTest(ControlCase):
    def test_caps(self) -> None:
        setting = ("limits", "set", "team=search: 5000 usd a month")
        self.assertRegex(self.wrong("ann", *setting), r"\n  set\.on_outage  is needed: ")
        text = self.says("ann", *setting, "--on-outage", "deny", "--reason", "Q1")
        self.assertRegex(
            text,
            r"\+  limits\[team-search-month-usd\] (.|\n)*in force: limit team-\S+, version 1",
        )
        changed = self.message(
            "SetLimitResponse", "ann", "limits", "set", "user=alice: 300 usd a month"
        )
        self.assertEqual((changed.limit_id, changed.version.version), ("user-month", 2))
        text = self.says("val", "limits", "list", "--user", "alice", "--team", "search")
        self.assertRegex(
            text, r"user-month +\{org=\S+, user=alice\} +usd +\$300\.00 +month UTC +deny +override"
        )
        self.assertRegex(text, r"team-search-month-usd .* \$5,000\.00 ")
        listed = self.message(
            "ListEffectiveLimitsResponse", "val", "limits", "list", "--user", "alice"
        )
        self.assertEqual({l.limit_id: l.amount for l in listed.limits}["user-month"], 300 * USD)
        text = self.says("val", "limits", "get", "user-minute", "--scope", "user=alice")
        self.assertRegex(text, r"user-minute .* requests +3 +60s ")

        self.assertIn('no limit "nope"', self.wrong("val", "limits", "get", "nope", code=FAILED))
        self.assertIn("scope: must have user", self.wrong("val", "limits", "get", "user-month"))
        self.assertIn(
            "--scope: ", self.wrong("val", "limits", "get", "user-month", "--scope", "alice")
        )
        self.assertIn("SETTING: ", self.wrong("ann", "limits", "set", "much"))
        self.assertIn(
            "ROLE_MISSING", self.wrong("val", "limits", "set", "user=a: 1 usd a month", code=FAILED)
        )


class ExceptionTest(ControlCase):
    def requested(self, *more: object, to: str = "900.5") -> str:
        self.asked_for(to, "release week", *more)
        return self.json("val", "exception", "list")["exceptions"][0]["exception_id"]

    def test_from_request_to_end(self) -> None:
        self.assertEqual(self.says("val", "exception", "list"), "No exceptions.\n")
        id = self.requested()
        text = self.says("val", "exception", "show", id)
        self.assertRegex(
            text, r"state +requested\n +scope +user=alice\n +raise +user-month to \$900\.50\n"
        )
        self.assertRegex(
            self.says("val", "exception", "list"),
            rf"{id}  requested  user=alice  user-month to \$900\.50  - ",
        )
        text = self.says(
            "val",
            "exception",
            "request",
            "--scope",
            "user=bob",
            "--raise",
            "user-minute=9",
            "--from",
            "1d",
            "--until",
            "2d",
            "--reason",
            "x",
        )
        bobs = re.search(r"quotactl exception approve (\S+) --org", text)[1]
        self.assertRegex(text, r"raise +user-minute to 9\n")
        self.assertIn("ROLE_MISSING", self.wrong("val", "exception", "approve", id, code=FAILED))
        text = self.says("bob", "exception", "approve", id, "--reason", "for a week")
        self.assertRegex(
            text, r"state +active\n(.|\n)*approved +token:bob, .*\n +comment +for a week\n"
        )
        self.assertIn("ends by itself", text)

        def usage() -> str:
            return self.says("val", "usage", "--user", "alice")

        text = poll(lambda: "RAISED" in (text := usage()) and text)
        self.assertRegex(text, r"user-month .* \$900\.50 +\$900\.50 \(100%\)")
        self.assertRegex(
            text,
            rf"\nRAISED +TO  UNTIL .*\nuser-month  \$900\.50  20.* \(in .*\) +"
            rf"quotactl exception show {id} --org {self.org}\n",
        )
        limits = {l["limit_id"]: l for l in self.json("val", "usage", "--user", "alice")["limits"]}
        self.assertEqual(limits["user-month"]["exception_id"], id)
        self.assertTrue(limits["user-month"]["exception_ends_at"])
        self.assertEqual(limits["user-minute"]["exception_id"], "")
        self.assertIn(id, self.says("val", "limits", "list", "--user", "alice"))

        self.assertRegex(self.says("bob", "exception", "approve", bobs), r"state +scheduled\n")
        listed = self.message(
            "ListExceptionsResponse", "val", "exception", "list", "--state", "active"
        )
        self.assertEqual([e.exception_id for e in listed.exceptions], [id])
        ended = self.message(
            "Exception", "bob", "exception", "revoke", id, "--yes", "--reason", "over"
        )
        self.assertEqual(ended.revoked_by, "token:bob")
        poll(lambda: "RAISED" not in usage())
        third = self.requested("--from", "1h")
        self.assertRegex(
            self.says("bob", "exception", "deny", third, "--reason", "no"), r"denied +token:bob,"
        )

    def test_what_cannot_be(self) -> None:
        ask = ("exception", "request", "--until", "3d", "--reason", "x")
        alice = ("--scope", "user=alice")
        for arguments, said in (
            (
                (*alice, "--raise", "user-month=100"),
                '"user-month=100" raises nothing: user-month is $100.00',
            ),
            ((*alice, "--raise", "user-month=much"), "is no amount of USD"),
            ((*alice, "--raise", "user-minute=1.5"), "is no whole number"),
            ((*alice, "--raise", "user-month"), "is no LIMIT=AMOUNT"),
            (("--raise", "user-month=900"), "scope: must have user"),
        ):
            self.assertIn(said, self.wrong("val", *ask, *arguments))
        raised = (*alice, "--raise", "user-month=900", "--reason", "x")
        self.assertIn(
            "--until: ", self.wrong("val", "exception", "request", *raised, "--until", "soon")
        )
        self.assertIn(
            "end_time: must be at most 366 days ahead",
            self.wrong("val", "exception", "request", *raised, "--until", "900d"),
        )
        unknown = (*ask, *alice, "--raise", "nope=1")
        self.assertIn('no limit "nope"', self.wrong("val", *unknown, code=FAILED))
        self.assertIn("no exception", self.wrong("val", "exception", "show", "nope", code=FAILED))
        self.run_by("val", "exception", "list", "--state", "lost", code=WRONG_USE)
        self.assertEqual(self.says("val", "exception", "list"), "No exceptions.\n")


class KeyTest(ControlCase):
    def test_a_secret_is_shown_once(self) -> None:
        made = self.says(
            "ann",
            "key",
            "create",
            "--team",
            "search",
            "--name",
            "CI",
            "--allow-model",
            "large*",
            "--expires",
            "90d",
        )
        self.assertRegex(
            made, r"stands for +team=search\n +models +large\*\n +expires +20.* \(in 90d\)"
        )
        id, secret = re.search(r"(?s)Key (\w+) of .*\n\n(qpk_\w+)", made).groups()
        secret = made.splitlines()[-1]
        self.assertEqual(made.count(secret), 1)
        reserve = ("reserve", "--id", "r-1", "--model", "large", "--input-tokens", 1)
        rotated = self.json(
            "ann", "key", "rotate", id, "--grace", "7d", "--yes", "--reason", "leaked"
        )
        newer = rotated["secret"]
        self.assertTrue(newer.startswith(f"qpk_{id}_") and newer != secret)
        self.assertIn("previous_until_time", rotated["key"])
        changed = self.message("Key", "ann", "key", "update", id, "--user", "bob", "--name", "")
        self.assertEqual((changed.team, changed.user, changed.display_name), ("search", "bob", ""))
        self.assertIn("nothing to change", self.wrong("ann", "key", "update", id))
        self.assertIn(
            "grace_seconds: ", self.wrong("ann", "key", "rotate", id, "--grace", "60d", "--yes")
        )
        self.assertRegex(
            self.says("val", "key", "list", "--user", "bob"),
            rf"\n{id}  active +team=search, user=bob +large\*",
        )
        self.assertEqual(self.says("val", "key", "list", "--user", "eve"), "No keys.\n")
        shown = self.says("val", "key", "show", id) + self.says("val", "key", "show", id, "--json")
        shown += self.says("val", "key", "list", "--json")
        self.assertRegex(self.says("ann", "key", "revoke", id, "--yes"), r"revoked +token:ann, ")
        self.assertIn("WRONG_STATE", self.wrong("ann", "key", "rotate", id, "--yes", code=FAILED))
        self.assertIn("no key", self.wrong("val", "key", "show", "nope", code=FAILED))
        self.assertIn("--expires: ", self.wrong("ann", "key", "create", "--expires", "soon"))

        # Neither secret stands anywhere, nor is a part of a command that a list of processes shows.
        shown += self.says("eve", "audit", "list", "--json") + self.says("ann", "export")
        shown += self.server.log()
        for once in (secret, newer):
            self.assertNotIn(once.split("_", 2)[2], shown)
        for flag in ("--token", "--secret", "--key-secret", "--password"):
            self.run_by("ann", *reserve, flag, "x", code=WRONG_USE)


class PriceBookTest(ControlCase):
    def test_pushed_then_used(self) -> None:
        book = self.write("book.yaml", PRICES.replace('"test"', f'"book of {self.org}"'))
        text = self.says("ann", "prices", "push", book, "--reason", "new contract")
        number = int(re.match(r"Price book (\d+) \(book of \S+, 2 models\): draft\n", text)[1])
        self.assertIn(f"quotactl prices activate {number} ", text)
        self.assertIn("yaml: version: ", self.wrong("ann", "prices", "push", book))
        self.assertIn(
            "activate_time: must not be before now",
            self.wrong("ann", "prices", "activate", number, "--at", "2020-01-01", "--yes"),
        )
        scheduled = self.message(
            "PriceBookVersion", "ann", "prices", "activate", number, "--at", "12h", "--yes"
        )
        self.assertEqual(scheduled.state, self.a.PRICE_BOOK_STATE_SCHEDULED)
        self.assertRegex(
            self.says("ann", "prices", "activate", number, "--yes"), r": active from 20"
        )
        self.assertRegex(
            self.says("val", "prices", "history"),
            rf" {number}  book of {self.org}  active +2  20.* token:ann  new contract\n",
        )
        listed = self.message("ListPriceBooksResponse", "val", "prices", "history", "--most", 1)
        self.assertEqual(listed.price_books[0].number, number)
        self.assertIn("no price book 99", self.wrong("ann", "prices", "activate", 99, code=FAILED))
        self.assertIn(
            "nowhere.yaml", self.wrong("ann", "prices", "push", "nowhere.yaml", code=FAILED)
        )
        self.assertIn("price_book/", self.says("eve", "audit", "list", "--deployment"))


class AskingTest(ControlCase):
    def state(self) -> list:
        """All that a change would change."""
        lists = (
            ("policy", "history"),
            ("exception", "list"),
            ("key", "list"),
            ("prices", "history"),
        )
        return [self.json("ann", *each) for each in lists] + [self.says("ann", "export")]

    def test_what_cannot_be_taken_back_asks(self) -> None:
        file = self.write("asked.yaml", OWN_POLICY)
        self.says("ann", "policy", "draft", file)
        self.says("ann", "policy", "activate", 1, "--yes")
        for amount in (7, 8):
            self.says("ann", "policy", "draft", "--set", f"user=bob: {amount} usd a month")
        self.asked_for("900", "x")
        exception = self.json("val", "exception", "list")["exceptions"][0]["exception_id"]
        key = self.json("ann", "key", "create", "--team", "search")["key"]["key_id"]
        book = self.write("asked-book.yaml", PRICES.replace('"test"', f'"{self.org}"'))
        number = self.json("ann", "prices", "push", book)["number"]
        document = self.write(
            "asked-state.yaml", self.says("ann", "export").replace("amount: 1000", "amount: 900")
        )
        for who, arguments, question in (
            (
                "ann",
                ("policy", "activate", 2),
                r"\+ .*user=bob.*\n+Put version 2 of \S+ in force\? ",
            ),
            ("ann", ("policy", "discard", 3), r"Discard version 3 of \S+\? "),
            ("ann", ("policy", "rollback", "--reason", "x"), r"in place of 2\? "),
            (
                "val",
                ("exception", "revoke", exception),
                r"End the exception .* for user=alice .*\? ",
            ),
            (
                "ann",
                ("apply", "-f", document),
                r"~ .* 1000 -> 900\n(.|\n)*Change the org \S+ like that\? ",
            ),
            ("ann", ("key", "rotate", key), r"The old secret ends at once\. "),
            ("ann", ("key", "revoke", key), r"Revoke key \S+ of \S+, for good\? "),
            ("ann", ("prices", "activate", number), r"Use price book .* for every org\? "),
        ):
            with self.subTest(arguments):
                before = self.state()
                done = self.run_by(who, *arguments, code=WRONG_USE)
                self.assertIn(
                    "nothing was changed: nobody is there to be asked; --yes", done.stderr
                )
                for answer in ("n\n", "\n", "yesterday\n", "\x04"):
                    done = self.typed_by(who, answer, *arguments, code=FAILED)
                    self.assertRegex(done.stderr, question + r"\[y/N\] \n?nothing was changed")
                    self.assertEqual(done.stdout, "")
                self.assertEqual(self.state(), before)
                self.typed_by(who, "y\n", *arguments)
                self.assertNotEqual(self.state(), before)


if __name__ == "__main__":
    main(__doc__)
