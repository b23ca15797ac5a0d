"""What TLS is to trust, and what it shows of us; the same for every server."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Tls(NamedTuple):
    """Files in PEM format; an empty name stands for none.

    Attributes:
        ca_file: Certificates to trust; without it the system's.
        cert_file: Our own certificate, and those between it and its authority.
        key_file: The certificate's private key; without it the certificate's file holds both.
    """

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


SYSTEM_TRUST = Tls()


class FileProblem(NamedTuple):
    """A file that TLS could not use.

    Attributes:
        field: The member of `Tls`.
    """

    field: str
    what: str
    fix: str


def problems(tls: Tls) -> Iterator[FileProblem]:
    """Read the files as a connection would, and find what keeps it from using them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca_file:
        try:
            context.load_verify_locations(tls.ca_file)
        except (OSError, ValueError) as error:
            yield FileProblem(
                "ca_file", f"{tls.ca_file!r}: {_said(error)}", "name a PEM file of certificates"
            )
    if tls.key_file and not tls.cert_file:
        yield FileProblem("cert_file", "not set, and key_file is", "set both, or neither")
    elif tls.cert_file:
        try:
            # an empty password instead of a question on the terminal
            context.load_cert_chain(tls.cert_file, tls.key_file or None, password="")
        except (OSError, ValueError) as error:
            said = "the key is encrypted" if _encrypted(tls) else _said(error)
            yield FileProblem(
                "key_file" if tls.key_file else "cert_file",
                f"{tls.cert_file!r} with {tls.key_file or tls.cert_file!r}: {said}",
                "name a PEM certificate and its key, not encrypted, that this process may read",
            )


def _encrypted(tls: Tls) -> bool:
    try:
        return b"ENCRYPTED" in Path(tls.key_file or tls.cert_file).read_bytes()
    except OSError:
        return False


def _said(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").replace("_", " ").lower()
        return f"cannot be used: {reason or 'it is not what it should be'}"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return "cannot be used"
