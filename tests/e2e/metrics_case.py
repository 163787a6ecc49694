"""The base of the tests that scrape a server."""

import re
import urllib.request

from admin_case import poll
from client_case import ClientCase
from python_client import Server


class MetricsCase(ClientCase):
    def url(self, server: Server, path: str = "/metrics") -> str:
        found = poll(lambda: re.search(r"metrics on (http://[^/\s]+)/metrics", server.log()))
        return found.group(1) + path

    def scrape(self, server: Server | None = None) -> str:
        with urllib.request.urlopen(self.url(server or self.server), timeout=20) as answer:
            self.assertIn("version=0.0.4", answer.headers["Content-Type"])
            return answer.read().decode()
