"""Starts of consumers, and whose queue ends the connection again and again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from connectors.amqp.connection import Refused
from connectors.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.ports import Edges

_FAILED_STARTS = 3
"""In a row, of one connector, which show that its queue is at fault and not the network."""


class Starts:
    """Starts connectors on the source.

    A quorum queue without a leader may end the connection of all connectors whenever one of them
    begins to consume. That one has to wait, so that the others can work on the next connection.
    """

    def __init__(self, edges: Edges, give_up: Callable[[str], None]) -> None:
        """Start nothing yet; `give_up` is called with the connector that has to wait."""
        self._edges = edges
        self._give_up = give_up
        self._failed = Counter[str]()

    def start(self, connector: str, prefetch: int, **options: bool) -> None:
        """Start the deliveries of a connector.

        Raises:
            Misconfigured: As the source has it.
            Refused: Likewise.
            Unavailable: The connection is lost.
        """
        try:
            self._edges.source.start(connector, prefetch, **options)
        except Refused:
            raise
        except Unavailable:
            self._failed[connector] += 1
            if self._failed[connector] >= _FAILED_STARTS:
                self._give_up(connector)
            raise
        del self._failed[connector]
