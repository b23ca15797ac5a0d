"""A message, read as its connector says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors.errors import BadInput, Skip
from connectors.mapping import bounds, cloudevents
from connectors.mapping.bounds import Work
from connectors.mapping.content import opened
from connectors.mapping.finding import MAX_TEXTS, Finder, Found
from connectors.mapping.identity import NAMELESS, of_event, of_text
from connectors.mapping.labels import Labels
from connectors.mapping.mapping_config import MappingConfig
from connectors.mapping.texts import TextReader
from connectors.text import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from connectors.delivery import Delivery
    from connectors.messages import Text

MAX_MAPPED_BYTES = 4 * 1024 * 1024
"""Of all events of one message together."""
MAX_STEPS = 200_000
"""Of work on one message: some 0.25 s of Python at worst."""
_NAMED_AT_MOST = 10
_EVENT_BYTES = 700
"""Of an event, beside its text and what it carries."""
_NO_ATTRIBUTES: Mapping[str, Any] = {}


class Mapped(msgspec.Struct, frozen=True):
    """What one message holds: at least one text, or a reason why one of them cannot be read.

    Were there neither, nothing would ever settle the delivery.

    Attributes:
        texts: To be scored.
        bad: Why some of its texts cannot be, where a list holds such; all of them together are
            parked once.
    """

    texts: list[Text]
    bad: BadInput | None = None


class Mapper:
    """Reads the messages of one connector, one at a time."""

    def __init__(
        self, config: MappingConfig | None = None, *, max_body_bytes: int, max_text_chars: int,
        max_mapped_bytes: int = MAX_MAPPED_BYTES, max_steps: int = MAX_STEPS,
    ) -> None:  # fmt: skip
        """Compile how messages are read; as those of `sentiment.input` by default.

        Args:
            config: How to read.
            max_body_bytes: A larger body is refused.
            max_text_chars: A longer text is cut.
            max_mapped_bytes: A list is refused whose events would be larger, all together.
            max_steps: Mapping that takes more steps is given up.

        Raises:
            ValueError: An expression is not valid.
        """
        self._config = config = config or MappingConfig()
        self._format = config.format
        self._max_body_bytes = max_body_bytes
        self._max_mapped_bytes = max_mapped_bytes
        self._max_steps = max_steps
        self._work = Work()
        self._labels = Labels(config)
        self._finder = Finder(config, self._work)
        self._texts = TextReader(config, self._work, max_text_chars)

    def read(self, delivery: Delivery) -> Mapped:
        """Return what is to be scored in a message.

        Raises:
            BadInput: Nothing in it can ever be read. docs/reference/parking.md has the codes.
            Skip: It asks for no event.
        """
        try:
            return self._read(delivery)
        except (BadInput, Skip):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a library raises is this message's
            # its words may quote the text
            raise BadInput("mapping", type(error).__name__) from None

    def _read(self, delivery: Delivery) -> Mapped:
        if len(delivery.body) > self._max_body_bytes:
            raise BadInput("too-large", f"{len(delivery.body)} bytes")
        attributes = _NO_ATTRIBUTES
        if headers := delivery.headers:
            bounds.check_headers(headers)
            attributes = cloudevents.from_headers(headers)
        self._work.begin(self._max_steps)
        reading = self._labels.reading(delivery)
        value, is_text = opened(delivery, reading, self._work, is_event=bool(attributes))
        if cloudevents.is_batch(value):
            return self._listed(self._of_batch(value, delivery), delivery)
        found = self._find(value, delivery, is_text=is_text, attributes=attributes)
        if isinstance(found, list):
            return self._listed(found, delivery)
        wanted = delivery.replayed.texts
        if wanted and (missing := _missing(wanted, 1)):
            raise missing[0][1]
        return Mapped([self._texts.read(found, 0)])

    def _find(
        self, value: object, delivery: Delivery, *, is_text: bool, attributes: Mapping[str, Any]
    ) -> list[Found] | Found:
        whole = self._format == "text"
        document = cloudevents.unwrap(
            value, is_text=is_text, attributes=attributes, whole_body=whole
        )
        if self._format == "cloudevents":
            cloudevents.check(document.attributes)
        return self._finder.find(document, delivery)

    def _of_batch(self, events: list[Any], delivery: Delivery) -> list[Found]:
        """Find the texts of every event; one that cannot be read spoils no other."""
        found: list[Found] = []
        skipped: Skip | None = None
        self._work.spend(len(events))
        for event in events:
            try:
                more = self._find(event, delivery, is_text=False, attributes=_NO_ATTRIBUTES)
                found += _placed(more if isinstance(more, list) else [more], event, len(found))
            except Skip as skip:
                skipped = skip
            except BadInput as reason:
                if reason.code == "too-costly":
                    raise
                found.append(Found(reason, NAMELESS))
            if len(found) > MAX_TEXTS:
                raise BadInput("too-large", f"over {MAX_TEXTS} texts")
        if not found and skipped:
            raise skipped
        return found

    def _listed(self, found: list[Found], delivery: Delivery) -> Mapped:
        """Return one text for each text that can be read."""
        wanted = delivery.replayed.texts
        good: list[Text] = []
        bad: list[tuple[int, BadInput]] = []
        size, beside = 0, self._bytes_of_headers(delivery)
        for index, each in enumerate(found):
            if wanted and index not in wanted:
                continue
            try:
                text = self._texts.read(each, index)
            except BadInput as reason:
                bad.append((index, reason))
                continue
            good.append(text)
            size += _bytes(text.content) + each.carried.size + beside
            if size > self._max_mapped_bytes:
                raise BadInput(
                    "too-large", "its events would be larger than daemon.max_mapped_bytes"
                )
        bad += _missing(wanted, len(found))
        return Mapped(good, _together(bad))

    def _bytes_of_headers(self, delivery: Delivery) -> int:
        """Return about how large an event is, beside its text and what it carries."""
        headers = delivery.headers
        travels = (headers.get(name, "") for name in self._config.headers)
        return _EVENT_BYTES + sum(len(str(each)) for each in travels)


def _placed(found: list[Found], event: dict[str, Any], position: int) -> list[Found]:
    """Keep the texts of a batch's events apart where the events have no identity themselves."""
    if of_event(event):
        return found
    return [
        msgspec.structs.replace(each, known=of_text(each.known, None, at))
        for at, each in enumerate(found, position)
    ]


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _missing(wanted: Collection[int], count: int) -> list[tuple[int, BadInput]]:
    """Return why texts cannot be read that a replay asks for, and that the message has not."""
    return [
        (index, BadInput("position", f"a replay asks for it; the message has {count}"))
        for index in sorted(wanted)
        if index >= count
    ]


def _together(bad: list[tuple[int, BadInput]]) -> BadInput | None:
    """Return one reason for all texts that cannot be read: the message is parked only once."""
    if not bad:
        return None
    indexes, first = tuple(index for index, _ in bad), bad[0][1]
    return BadInput(first.code, f"text {listed(indexes, _NAMED_AT_MOST)}: {first.detail}", indexes)
