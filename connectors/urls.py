"""A server's URL, read strictly: what cannot be taken at its word is refused, and never quoted.

The parsers of the libraries pass unknown options on, fall back to defaults, and quote what they
cannot read; a password with a `/` in it would end up in a log that way.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

from connectors.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Collection

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?:(?P<login>[^/?#]*)@)?(?P<places>[^/?#]*)"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?",
    re.IGNORECASE,
)
_PLACE = re.compile(r"(?P<host>\[[0-9a-f:.%]+\]|[^\s:\[\]]+)(?::(?P<port>\d{1,5}))?", re.IGNORECASE)
_ENCODE = (
    "write special characters in the user name and the password percent-encoded, such as %2F for "
    "/, %40 for @, %23 for # and %3F for ?"
)


class WrongUrl(Misconfigured):
    """A URL that no connection can be made of.

    Attributes:
        what: What is wrong; quotes nothing of the URL but what is a word of ours.
    """

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}. Fix: {fix}")
        self.what = what
        self.fix = fix


class Url(NamedTuple):
    """The parts of a URL, decoded.

    Attributes:
        user: Empty where there is none.
        password: Empty where there is none.
        places: Hosts, each with its port; 0 where none is given. None for a socket in a file.
        path: What follows the slash after the hosts.
        options: By name.
    """

    scheme: str
    user: str
    password: str
    places: tuple[tuple[str, int], ...]
    path: str
    options: dict[str, str]


def parse(url: str, schemes: Collection[str], example: str) -> Url:
    """Take a URL apart, in which several hosts may be separated by commas.

    Raises:
        WrongUrl: It cannot be read, or is of another kind.
    """
    found = _URL.fullmatch(url.strip())
    if not found or found["scheme"].lower() not in schemes:
        known = ", ".join(f"{scheme}://" for scheme in schemes)
        raise WrongUrl(f"it does not begin with {known}", f"write {example}")
    path, query = found["path"] or "", found["query"] or ""
    # a separator within the login ends the host early, and leaves the @ to what follows
    if found["fragment"] or "@" in path or "@" in query:
        raise WrongUrl("a special character stands in it unencoded", _ENCODE)
    user, _, password = (found["login"] or "").partition(":")
    hosts = found["places"].split(",") if found["places"] else []
    places = tuple(_place(each, example) for each in hosts)
    try:
        return Url(
            found["scheme"].lower(),
            unquote(user, errors="strict"),
            unquote(password, errors="strict"),
            places,
            unquote(path[1:], errors="strict"),
            dict(parse_qsl(query, keep_blank_values=True)),
        )
    except UnicodeDecodeError:
        raise WrongUrl("a percent-encoded part is not UTF-8", _ENCODE) from None


def _place(place: str, example: str) -> tuple[str, int]:
    found = _PLACE.fullmatch(place)
    host = found["host"].strip("[]") if found else ""
    port = int(found["port"] or 0) if found else 0
    try:
        # the name's look-up would raise otherwise, long after the start
        host.encode("idna")
    except UnicodeError:
        host = ""
    if not host or port > 65535 or (found and found["port"] and not port):  # noqa: PLR2004 - TCP's
        raise WrongUrl(
            "its host or port cannot be read", f"write {example}; where those are right, {_ENCODE}"
        )
    return host, port


def is_loopback(host: str) -> bool:
    """Whether only its own host can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
