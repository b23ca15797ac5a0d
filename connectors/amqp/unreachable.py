"""Why a node of RabbitMQ could not be reached."""

from __future__ import annotations

import ssl

from connectors.errors import Unavailable

_CUT_OFF = (ConnectionResetError, BrokenPipeError)
# RabbitMQ closes at once after an alert on our certificate, so that the alert may be lost.
_CLOSED_FIX = ". Fix: where RabbitMQ wants a certificate, see broker.cert_file and key_file"


def unavailable(address: str, error: Exception) -> Unavailable:
    """Say why a node could not be reached."""
    if isinstance(error, ssl.SSLError):
        said = getattr(error, "verify_message", "") or (error.reason or str(error)).lower()
        said = said.replace("_", " ").rstrip(".")
        words = f"TLS with RabbitMQ at {address} failed: {said}{_tls_fix(said)}"
        if isinstance(error, ssl.SSLCertVerificationError):
            words = (
                f"RabbitMQ's certificate at {address} is not to be trusted: certificate verify "
                f"failed: {said}. Fix: name its authority in broker.ca_file, and the host as the "
                "certificate does"
            )
    elif isinstance(error, (FileNotFoundError, PermissionError)):
        words = f"a certificate for RabbitMQ at {address} cannot be read: {error.strerror}"
    elif isinstance(error, OSError):
        words = f"RabbitMQ at {address} does not answer: {error}"
        if address.startswith("amqps:") and isinstance(error, _CUT_OFF):
            words += _CLOSED_FIX
    else:
        words = f"what listens at {address} does not speak AMQP 0-9-1 ({type(error).__name__})"
    failure = Unavailable(words)
    failure.__cause__ = error
    return failure


def _tls_fix(said: str) -> str:
    if "alert" in said and "certificate" in said:
        return (
            ". Fix: that is RabbitMQ's word on our certificate: see broker.cert_file and key_file"
        )
    if "eof" in said:
        return _CLOSED_FIX
    if said == "wrong version number":
        return ". Fix: that port has no TLS: name the one that has, usually 5671"
    return ""
