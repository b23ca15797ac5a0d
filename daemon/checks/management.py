"""RabbitMQ's management API, as far as the doctor reads it."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors import urls
from connectors.errors import Unavailable

if TYPE_CHECKING:
    from connectors.amqp.nodes import Node
    from connectors.tls import Tls

_SCHEMES = ("http", "https")
_EXAMPLE = "http://user:password@host:15672"
_PORTS = {False: 15672, True: 15671}
_TIMEOUT = 5.0
_UNAUTHORISED = (401, 403)
_ILL = 503
"""What a health check answers that has found something."""


class Forbidden(Unavailable):
    """This user may not ask that."""


class Management:
    """The management API of one node.

    Attributes:
        address: Where it listens, without the password.
    """

    def __init__(self, url: str, tls: Tls) -> None:
        """Ask nothing yet; the URL is as `http://user:password@host:15672`, or `https://`.

        Raises:
            WrongUrl: It cannot be read.
        """
        found = urls.parse(url, _SCHEMES, _EXAMPLE)
        if len(found.places) != 1 or found.options:
            raise urls.WrongUrl("it is not the address of one node", f"write {_EXAMPLE}")
        [(host, port)] = found.places
        host = f"[{host}]" if ":" in host else host
        place = f"{host}:{port}" if port else host
        self.address = f"{found.scheme}://{place}/{found.path}".rstrip("/")
        login = f"{found.user or 'guest'}:{found.password or 'guest'}"
        self._login = base64.b64encode(login.encode()).decode()
        self._context = ssl.create_default_context(cafile=tls.ca_file or None)

    @classmethod
    def beside(cls, node: Node, tls: Tls) -> Management:
        """Return the API that a node has on the port that is usual for it."""
        scheme = "https" if node.tls else "http"
        host = f"[{node.host}]" if ":" in node.host else node.host
        login = f"{quote(node.user, safe='')}:{quote(node.password, safe='')}"
        return cls(f"{scheme}://{login}@{host}:{_PORTS[node.tls]}", tls)

    def get(self, *path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what the API says under a path, each part of which is quoted here.

        Raises:
            Forbidden: This user may not ask it.
            Unavailable: It does not answer, or not with JSON.
        """
        where = "/".join((self.address, "api", *(quote(part, safe="") for part in path)))
        request = urllib.request.Request(  # noqa: S310 - the operator gave the address
            where, headers={"Authorization": f"Basic {self._login}"}
        )
        try:
            with urllib.request.urlopen(  # noqa: S310 - as above
                request, timeout=_TIMEOUT, context=self._context
            ) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            if error.code == _ILL and path[0] == "health":
                return json.load(error)
            kind = Forbidden if error.code in _UNAUTHORISED else Unavailable
            raise kind(f"{self.address} answered {error.code}") from error
        except TimeoutError as error:
            raise Unavailable(f"{self.address} does not answer in {_TIMEOUT:g} s") from error
        except urllib.error.URLError as error:
            raise Unavailable(f"{self.address} does not answer: {error.reason}") from error
        except (OSError, ValueError) as error:
            raise Unavailable(f"{self.address}: {type(error).__name__}") from error
