#!/usr/bin/env python3
"""The commands of docs/alerts.md and docs/actions.md, about an alert that a webhook was told of.

Usage: alerts_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import http.server
import json
import select
import sys
import threading

sys.dont_write_bytecode = True
import document
from waiting import poll

POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
limits:
  - {id: user-month, per: [user], unit: usd, amount: 1, window: month, alert_at: [50%]}
alerts:
  - {id: spent, on: threshold, action: {freeze: true, for: 1h}}
"""
RECEIVERS = """
receivers:
  pager: {{kind: webhook, url: "http://127.0.0.1:{port}/", secret_file: hook.secret}}
default: [pager]
"""
TAKEN, REFUSED = 200, 400


class Hook(http.server.BaseHTTPRequestHandler):
    answer = REFUSED

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(Hook.answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class OneAlert:
    def raise_alert(self) -> None:
        """What the document calls A-17."""
        hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        thread = threading.Thread(target=hook.serve_forever)
        thread.start()
        for end in (hook.server_close, thread.join, hook.shutdown):
            self.addCleanup(end)
        self.write("hook.secret", "0123456789abcdef0123456789abcdef\n").chmod(0o600)
        receivers = self.write("receivers.yaml", RECEIVERS.format(port=hook.server_port))
        self.serve("--policy", self.write("policy.yaml", POLICY), "--receivers", receivers)
        self.aside(
            "quotactl record --org acme --id r-1 --user alice --model claude-sonnet-4-5 "
            "--input-tokens 200000"
        )
        (alert,) = poll(lambda: self.ask("alert list")["alerts"])
        self.replace["A-17"] = alert["alert_id"]

    def ask(self, command: str) -> dict:
        return json.loads(self.aside(f"quotactl {command} --org acme --json"))


class AlertsTest(OneAlert, document.Case):
    DOCUMENT = "docs/alerts.md"

    def follow(self) -> None:
        Hook.answer = REFUSED
        self.raise_alert()
        # It is refused, hence given up; sent again, it is taken.
        (dead,) = poll(lambda: self.ask("alert deliveries --state dead")["deliveries"])
        self.replace["send-again 42"] = f"send-again {dead['delivery_id']}"
        Hook.answer = TAKEN

        watch = self.start()
        poll(lambda: select.select([watch.stdout], [], [], 0)[0])
        self.assertIsNone(watch.poll())
        # The document's silence is the first one of this server.
        self.replace["S-3"] = "S-1"
        self.assert_says(self.paste(), self.replace["A-17"], "the load test", "state +resolved",
                         "ended by", "dead", "delivered: pager")  # fmt: skip


class ActionsTest(OneAlert, document.Case):
    DOCUMENT = "docs/actions.md"

    def follow(self) -> None:
        self.raise_alert()
        target = f"alert/{self.replace['A-17']}"
        poll(lambda: self.ask(f"audit list --target {target}")["rows"])
        self.assert_says(self.paste(), f"alert:{self.replace['A-17']} .*{target}")


if __name__ == "__main__":
    document.main(__doc__)
