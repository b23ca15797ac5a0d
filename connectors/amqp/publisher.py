"""Publish: persistent, mandatory, with pipelined publisher confirms."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

import amqp

from connectors.amqp.connection import body_of
from connectors.ports import Fate, PublishOutcome, Token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.amqp.connection import Broker
    from connectors.messages import OutgoingMessage

PERSISTENT = 2


@dataclass(slots=True, eq=False)
class _Sent(Generic[Token]):
    """A message of which nothing is known yet."""

    message: OutgoingMessage
    token: Token
    returned: bool = False


class ConfirmChannel(Generic[Token]):
    """A channel in confirm mode, and what was published on it.

    A confirm is matched by its delivery tag, so it can never stand for another message, however
    late it comes. When RabbitMQ closes the channel, all that was unconfirmed is `VOID`, or
    `FORBIDDEN` where RabbitMQ named its routing key or its exchange, and a new channel with tags of
    its own serves what is published next.
    """

    def __init__(self, broker: Broker, outcomes: list[PublishOutcome[Token]]) -> None:
        """Open it; what becomes of each message is added to the outcomes."""
        self._broker = broker
        self._outcomes = outcomes
        self.unconfirmed: dict[int, _Sent[Token]] = {}
        self._channel: Any = None
        self._open()

    def publish(self, outgoing: OutgoingMessage, token: Token) -> None:
        if self._channel is None:
            self._open()
        self._broker.attempt(self._channel.publish, outgoing)
        self._sent += 1
        self.unconfirmed[self._sent] = _Sent(outgoing, token)

    def _open(self) -> None:
        self._sent = 0
        channel = self._broker.channel()
        channel.on_broken = self._on_broken
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        self._broker.attempt(channel.confirm_select)
        self._channel = channel

    def _on_ack(self, tag: int, multiple: bool) -> None:
        for sent in self._take(tag, multiple):
            # RabbitMQ acknowledges what reached no queue as well; the return came before
            fate = Fate.UNROUTED if sent.returned else Fate.CONFIRMED
            self._outcomes.append(PublishOutcome(sent.token, fate))

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._outcomes += [
            PublishOutcome(sent.token, Fate.REFUSED) for sent in self._take(tag, multiple)
        ]

    def _on_return(self, _error: object, exchange: str, key: str, message: Any) -> None:  # noqa: ANN401 - py-amqp has no types
        """Find what came back: no tag says so, but equal messages are worth the same."""
        body = body_of(message)
        for sent in self.unconfirmed.values():
            outgoing = sent.message
            same = outgoing.exchange == exchange and outgoing.routing_key == key
            if same and not sent.returned and outgoing.body == body:
                sent.returned = True
                return

    def _on_broken(self, _code: int, reason: str) -> None:
        self._channel = None
        lost, self.unconfirmed = list(self.unconfirmed.values()), {}
        guilty = set(_named(lost, reason))
        for sent in lost:
            fate = Fate.FORBIDDEN if sent in guilty else Fate.VOID
            self._outcomes.append(PublishOutcome(sent.token, fate, reason))

    def _take(self, tag: int, multiple: bool) -> list[_Sent[Token]]:
        if multiple:
            # tags grow, so the confirmed ones stand first
            tags = list(itertools.takewhile(lambda each: each <= tag, self.unconfirmed))
        else:
            tags = [tag] if tag in self.unconfirmed else []
        return [self.unconfirmed.pop(each) for each in tags]


def _named(lost: list[_Sent[Token]], reason: str) -> list[_Sent[Token]]:
    """Return the messages that RabbitMQ closed a channel for, as far as it says so."""
    places = [(sent, f"exchange '{sent.message.exchange}'") for sent in lost]
    keys = [sent for sent, place in places
            if f"topic '{sent.message.routing_key}' in {place}" in reason]  # fmt: skip
    named = keys or [sent for sent, place in places if place in reason]
    return named or (lost if len(lost) == 1 else [])


class Sink(Generic[Token]):
    """The publishing side of one connection, a `SinkEdge`: a channel for each exchange.

    RabbitMQ closes a channel for an exchange that is gone or forbidden. Messages to another one, on
    the same channel, would have to be published again, and those that had arrived would come twice.
    So a probe goes alone on a channel of its own, and so do replies.
    """

    def __init__(self, broker: Broker, exchanges: Iterable[str] = ()) -> None:
        """Open the channels.

        Args:
            broker: A connected broker.
            exchanges: Where messages will go; to open a channel for another one takes the time of
                an answer, and an alarm may let it wait for that.
        """
        self._broker = broker
        self._outcomes: list[PublishOutcome[Token]] = []
        self._by_exchange: dict[str, ConfirmChannel[Token]] = {}
        for each in exchanges:
            self._of(each)
        self._probes: list[ConfirmChannel[Token]] = []
        self._replies: Any = None

    def publish(self, outgoing: OutgoingMessage, token: Token, *, probe: bool = False) -> None:
        channel = self._for_probe() if probe else self._of(outgoing.exchange)
        channel.publish(outgoing, token)

    def reply(self, outgoing: OutgoingMessage) -> None:
        if self._replies is None:
            self._replies = self._broker.channel()
            self._replies.on_broken = self._on_replies_broken
        self._broker.attempt(
            self._replies.basic_publish,
            amqp.Message(outgoing.body, **outgoing.properties),
            exchange=outgoing.exchange,
            routing_key=outgoing.routing_key,
        )

    @property
    def unconfirmed(self) -> int:
        return sum(len(each.unconfirmed) for each in (*self._by_exchange.values(), *self._probes))

    def outcomes(self) -> list[PublishOutcome[Token]]:
        taken = list(self._outcomes)
        self._outcomes.clear()
        return taken

    def _of(self, exchange: str) -> ConfirmChannel[Token]:
        channel = self._by_exchange.get(exchange)
        if channel is None:
            channel = self._by_exchange[exchange] = ConfirmChannel(self._broker, self._outcomes)
        return channel

    def _for_probe(self) -> ConfirmChannel[Token]:
        """Return a channel on which nothing is unconfirmed."""
        for channel in self._probes:
            if not channel.unconfirmed:
                return channel
        self._probes.append(ConfirmChannel(self._broker, self._outcomes))
        return self._probes[-1]

    def _on_replies_broken(self, _code: int, _reason: str) -> None:
        self._replies = None
