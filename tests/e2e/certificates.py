"""Throw-away authorities, certificates and JWT keys, by openssl."""

import base64
import json
import subprocess
from pathlib import Path


def openssl(*arguments: object, data: bytes = b"") -> bytes:
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


class Authority:
    """Signs certificates for servers and clients. Files lie under `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.cert = folder / f"{name}.crt"
        self._key = folder / f"{name}.key"
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/CN={name}", "-days", "2", "-keyout", self._key, "-out", self.cert),
        )

    def issue(self, name: str, *alternatives: str) -> tuple[Path, Path]:
        """Certificate and key; `alternatives` are such as "DNS:localhost"."""
        cert, key = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        request = openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/CN={name}", "-keyout", key),
        )
        extensions = self._folder / f"{name}.ext"
        names = ",".join(alternatives or (f"DNS:{name}",))
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        openssl(
            *("x509", "-req", "-CA", self.cert, "-CAkey", self._key, "-CAcreateserial"),
            *("-days", "2", "-extfile", extensions, "-out", cert),
            data=request,
        )
        return cert, key


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header: dict, claims: dict) -> str:
    return ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))


class JwtKey:
    """An RSA key of an issuer."""

    def __init__(self, folder: Path, id: str) -> None:
        self.id = id
        self._path = folder / f"jwt-{id}.key"
        openssl("genrsa", "-out", self._path, 2048)

    def public(self) -> dict:
        """As a JSON Web Key."""
        modulus = openssl("rsa", "-in", self._path, "-noout", "-modulus").decode().split("=")[1]
        number = base64url(bytes.fromhex(modulus.strip()))
        return {"kty": "RSA", "use": "sig", "kid": self.id, "n": number, "e": "AQAB"}

    def sign(self, claims: dict) -> str:
        text = unsigned({"alg": "RS256", "kid": self.id}, claims)
        signature = openssl("dgst", "-sha256", "-sign", self._path, data=text.encode())
        return f"{text}.{base64url(signature)}"
