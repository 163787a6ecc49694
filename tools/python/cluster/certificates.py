"""A throw-away authority, and the pairs that it signs for servers on this machine."""

import subprocess

from .layout import Layout

DAYS = "30"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"


def openssl(*arguments: object, data: bytes = b"") -> bytes:
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


class Authority:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._key = layout.certificates / "authority.key"
        self._extensions = layout.certificates / "server.ext"

    def create(self) -> None:
        """Nothing where it is there."""
        self._extensions.write_text(NAMES)
        if self._key.exists():
            return
        subject = ("-subj", "/CN=quotaplane throw-away authority", "-days", DAYS)
        new = self._key.with_suffix(".key.new")
        openssl("req", "-x509", *CURVE, *subject, "-keyout", new, "-out", self._layout.ca)
        new.rename(self._key)

    def issue(self, name: str) -> None:
        """A new pair for `name`, over the old one: first the certificate, then the key, each in one
        step. Whoever reads them in between sees that they do not fit, and looks again."""
        cert, key = self._layout.pair(name)
        new_cert, new_key = cert.with_suffix(".crt.new"), key.with_suffix(".key.new")
        request = openssl("req", *CURVE, "-subj", f"/CN={name}", "-keyout", new_key)
        openssl(
            *("x509", "-req", "-CA", self._layout.ca, "-CAkey", self._key, "-CAcreateserial"),
            *("-days", DAYS, "-extfile", self._extensions, "-out", new_cert),
            data=request,
        )
        new_cert.rename(cert)
        new_key.rename(key)

    def issue_missing(self, names: tuple[str, ...]) -> None:
        for name in names:
            if not self._layout.pair(name)[1].exists():
                self.issue(name)
