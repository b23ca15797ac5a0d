"""Certificates of the tests' own, made by openssl."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from connectors.tls import Tls

if TYPE_CHECKING:
    from pathlib import Path

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2")


class Authority:
    """Signs certificates that nobody else trusts.

    Attributes:
        file: Its own certificate.
    """

    def __init__(self, directory: Path) -> None:
        if not shutil.which("openssl"):
            pytest.skip("openssl is not installed")
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.file = directory / "ca.pem"
        self._key = directory / "ca.key"
        _openssl("-subj", "/CN=tests", "-keyout", self._key, "-out", self.file)

    def issue(self, name: str, *alternatives: str) -> Tls:
        """Sign a certificate.

        Args:
            name: Its common name, and the name of its files.
            alternatives: Names of a server, such as `DNS:localhost` or `IP:127.0.0.1`.

        Returns:
            The files, together with the authority's.
        """
        certificate, key = self._directory / f"{name}.pem", self._directory / f"{name}.key"
        named = ("-addext", f"subjectAltName={','.join(alternatives)}") if alternatives else ()
        _openssl(
            "-subj", f"/CN={name}", *named, "-addext", "basicConstraints=CA:FALSE",
            "-CA", self.file, "-CAkey", self._key, "-keyout", key, "-out", certificate,
        )  # fmt: skip
        for file in (certificate, key):
            # servers run under users of their own
            file.chmod(0o644)
        return Tls(str(self.file), str(certificate), str(key))


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", *_NEW_KEY, *map(str, arguments)],
        check=True, capture_output=True,
    )  # fmt: skip
