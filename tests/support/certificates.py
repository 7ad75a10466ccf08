"""A certificate authority that only its own bundle makes trusted, and TLS contexts for servers."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

LOCAL = ("127.0.0.1", "localhost", "::1")


class Authority:
    """A new authority; `bundle` is the PEM file that `ca_bundle` or SSL_CERT_FILE may name."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.bundle = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(self.bundle)

    def server(
        self, *names: str, expired: bool = False, clients: Authority | None = None
    ) -> ssl.SSLContext:
        """Return the context of a server with a certificate for these names, by default loopback.

        A certificate is valid for a day; an expired one was until yesterday. `clients` is the
        authority of the certificate that each client must have.
        """
        now = datetime.datetime.now(datetime.UTC)
        days = (-2, -1) if expired else (-1, 1)
        begin, end = (now + datetime.timedelta(days=day) for day in days)
        issued = self._authority.issue_cert(*(names or LOCAL), not_before=begin, not_after=end)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(context)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients.bundle)
        return context

    def client(self, password: str = "") -> tuple[Path, Path]:
        """Give the files of a client's certificate and of its key, encrypted with the password."""
        issued = self._authority.issue_cert("client@host.example")
        cert, key = (self._folder / f"client-{password}.{end}" for end in ("pem", "key"))
        issued.cert_chain_pems[0].write_to_path(cert)
        data = issued.private_key_pem.bytes()
        if password:
            data = load_pem_private_key(data, None).private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
            )
        key.write_bytes(data)
        return cert, key
