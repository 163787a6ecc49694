"""Passwords and tokens, made once for each cluster, in files that only its owner reads."""

import hashlib
import json
import secrets

from .layout import Layout

# Who calls: a gateway; whoever runs the cluster; and a second person, since nobody approves a change
# of their own.
CALLERS = {
    "gateway": ("gateway",),
    "root": ("admin", "auditor", "finance"),
    "second": ("approver",),
}
PASSWORDS = ("redis", "redis-admin", "sentinel", "postgres", "postgres-admin")
EXPIRES = "2100-01-01"


class Credentials:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.auth_file = layout.secrets / "auth.yaml"

    def create(self) -> None:
        """What is there stays."""
        for name in PASSWORDS:
            self._make(f"{name}.password", secrets.token_hex(24))
        for name in CALLERS:
            self._make(f"{name}.token", "qpt_" + secrets.token_urlsafe(32))
        entries = []
        for name, roles in CALLERS.items():
            token = self.token_file(name).read_text().strip()
            digest = hashlib.blake2b(token.encode(), digest_size=32).hexdigest()
            grants = [{"role": role, "org": "*"} for role in roles]
            entries.append(
                {"name": name, "hash": f"blake2b:{digest}", "expires": EXPIRES, "roles": grants}
            )
        # JSON is YAML.
        self._layout.write(self.auth_file, json.dumps({"tokens": entries}, indent=2) + "\n")

    def _make(self, file: str, secret: str) -> None:
        path = self._layout.secrets / file
        if not path.exists():
            self._layout.write(path, secret + "\n")

    def password(self, name: str) -> str:
        return (self._layout.secrets / f"{name}.password").read_text().strip()

    def token_file(self, name: str):
        return self._layout.secrets / f"{name}.token"
