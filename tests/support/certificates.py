"""A certificate authority that only its own bundle makes trusted, and TLS contexts for servers."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme

LOCAL = ("127.0.0.1", "localhost", "::1")


class Authority:
    """A new authority; `bundle` is the PEM file that `ca_bundle` or SSL_CERT_FILE may name."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.bundle = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(self.bundle)

    def server(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """Return the context of a server with a certificate for these names, by default loopback.

        A certificate is valid for a day; an expired one was until yesterday.
        """
        now = datetime.datetime.now(datetime.UTC)
        days = (-2, -1) if expired else (-1, 1)
        begin, end = (now + datetime.timedelta(days=day) for day in days)
        issued = self._authority.issue_cert(*(names or LOCAL), not_before=begin, not_after=end)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(context)
        return context
