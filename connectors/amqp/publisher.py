"""Publish: persistent, mandatory, with pipelined publisher confirms."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Generic, TypeVar

import amqp

from connectors.errors import Unavailable

if TYPE_CHECKING:
    from connectors.amqp.connection import Broker
    from connectors.messages import Letter

PERSISTENT = 2
Parcel = TypeVar("Parcel")


class Sink(Generic[Parcel]):
    """The publishing channel of one connection.

    Confirms are matched by delivery tag, so a late one can never stand for another letter; after
    any error the channel must be dropped with its connection, and with it this object.
    """

    def __init__(self, broker: Broker) -> None:
        """Open a channel in confirm mode."""
        self._broker = broker
        self._channel = broker.channel()
        broker.attempt(self._channel.confirm_select)
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._sent = 0
        self._unconfirmed: dict[int, Parcel] = {}
        self._outcomes: list[tuple[Parcel, bool]] = []
        self._returned: str | None = None

    def publish(self, letter: Letter, parcel: Parcel) -> None:
        """Send a letter; `outcomes` will tell what became of it.

        Args:
            letter: What to send.
            parcel: Given back with the outcome.
        """
        message = amqp.Message(letter.body, delivery_mode=PERSISTENT, **letter.properties)
        self._broker.attempt(
            self._channel.basic_publish,
            message,
            exchange=letter.exchange,
            routing_key=letter.routing_key,
            mandatory=letter.mandatory,
        )
        self._sent += 1
        self._unconfirmed[self._sent] = parcel

    @property
    def unconfirmed(self) -> int:
        """Letters of which the broker has said nothing yet."""
        return len(self._unconfirmed)

    def outcomes(self) -> list[tuple[Parcel, bool]]:
        """Take what the broker has said since the last call: each parcel, and whether it is safe.

        Raises:
            Unavailable: A letter reached no queue. RabbitMQ acknowledges such letters too, so
                nothing that it has said since may be believed.
        """
        if self._returned is not None:
            raise Unavailable(
                f"nothing is bound to exchange {self._returned!r}, not even an alternate exchange"
            )
        taken, self._outcomes = self._outcomes, []
        return taken

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._outcomes += [(parcel, True) for parcel in self._take(tag, multiple)]

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._outcomes += [(parcel, False) for parcel in self._take(tag, multiple)]

    def _on_return(self, _error: object, exchange: str, _key: str, _message: object) -> None:
        self._returned = exchange

    def _take(self, tag: int, multiple: bool) -> list[Parcel]:
        if not multiple:
            return [self._unconfirmed.pop(tag)] if tag in self._unconfirmed else []
        # tags grow, so the confirmed ones stand first
        tags = list(itertools.takewhile(lambda each: each <= tag, self._unconfirmed))
        return [self._unconfirmed.pop(each) for each in tags]
