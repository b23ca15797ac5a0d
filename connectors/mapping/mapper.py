"""A message, read by its connector's recipe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.errors import BadInput, Skip
from connectors.mapping import bounds, cloudevents, identity
from connectors.mapping.expressions import Reader, compile_expression, holds
from connectors.mapping.identity import Identity, as_id
from connectors.mapping.mail import clean
from connectors.mapping.mapping_config import Recipe
from connectors.messages import Utterance
from connectors.text import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Collection

    from connectors.delivery import Delivery

MAX_TEXTS = 1000
"""Texts in one message; each becomes an event."""
_MAX_LANGUAGE_CHARS = 35
_MAX_CARRIED_BYTES = 8 * 1024
_NAMED_AT_MOST = 10
_ASSUMED = {
    "json": "application/json",
    "cloudevents": "application/cloudevents+json",
    "text": "text/plain",
}
_encode = msgspec.json.Encoder().encode


class Mapped(msgspec.Struct, frozen=True):
    """What one message holds: at least one text, or a reason why one of them cannot be read.

    Were there neither, nothing would ever settle the delivery.

    Attributes:
        utterances: To be scored.
        bad: Why some of its texts cannot be, where a list holds such; all of them together are
            parked once.
    """

    utterances: list[Utterance]
    bad: BadInput | None = None


class Mapper:
    """Reads the messages of one connector."""

    def __init__(
        self, recipe: Recipe | None = None, *, max_body_bytes: int, max_text_chars: int
    ) -> None:
        """Compile a recipe; the default one where there is none.

        Args:
            recipe: How to read.
            max_body_bytes: A larger body is refused.
            max_text_chars: A longer text is cut.

        Raises:
            ValueError: An expression is not valid.
        """
        self._recipe = recipe = recipe or Recipe()
        self._max_body_bytes = max_body_bytes
        self._max_text_chars = max_text_chars
        found = recipe.expressions()
        readers = {name: compile_expression(name, each) for name, each in found.items()}
        self._text = readers["text"]
        self._id = readers.get("id")
        self._id_is_default = recipe.id == Recipe().id
        self._when = readers.get("when")
        self._language = readers.get("language")
        self._carry: dict[str, Reader] = {name: readers[f"carry.{name}"] for name in recipe.carry}
        self._assumed = _ASSUMED[recipe.format]
        self._cleans = recipe.strip_html or recipe.strip_quotes or recipe.strip_signature

    def read(self, delivery: Delivery) -> Mapped:
        """Return what is to be scored in a message.

        Raises:
            BadInput: Nothing in it can ever be read; the reason is a code of `docs/reliability.md`.
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
        bounds.check_headers(delivery)
        kind = bounds.media_type(delivery, self._assumed)
        document, attributes, plain = self._open(kind, delivery)
        if self._when and not holds(self._when(document)):
            raise Skip("when")
        found = document if plain else self._text(document)
        own = self._own_id(document, attributes)
        ids = own if isinstance(own, list) else None
        message = identity.of_message(attributes, None if isinstance(own, list) else own, delivery)
        if isinstance(found, list):
            return self._read_list(found, ids, message, delivery, document, attributes)
        if missing := _missing(delivery.replayed.texts, 1):
            raise missing[0][1]
        only = self._utterance(
            found, identity.of_text(message, ids[0] if ids and len(ids) == 1 else None)
        )
        return Mapped([self._furnished(only, document, attributes)])

    def _open(self, kind: str, delivery: Delivery) -> tuple[object, dict[str, Any], bool]:
        """Return the document, a CloudEvent's attributes, and whether the document is the text."""
        form = self._recipe.format
        reads_json = form != "text" and (kind == "application/json" or kind.endswith("+json"))
        if not reads_json and not kind.startswith("text/" if form == "text" else "text/plain"):
            expected = "text/plain" if form == "text" else "JSON or text/plain"
            raise BadInput("content-type", f"{kind[:80]!r}: expected {expected}")
        text = bounds.text_of(delivery.body)
        attributes = cloudevents.header_attributes(delivery) if delivery.headers else {}
        document, attributes = cloudevents.unwrap(
            bounds.parse(text) if reads_json else text, attributes
        )
        if form == "cloudevents":
            cloudevents.check(attributes)
        plain = isinstance(document, str) and bool(attributes or not reads_json)
        return document, attributes, plain

    def _own_id(
        self, document: object, attributes: dict[str, Any]
    ) -> str | list[str | None] | None:
        # of an event, the default would find an id within its data
        if self._id is None or isinstance(document, str) or (attributes and self._id_is_default):
            return None
        value = self._id(document)
        return [as_id(each) for each in value] if isinstance(value, list) else as_id(value)

    def _read_list(
        self, found: list[object], ids: list[str | None] | None, message: Identity,
        delivery: Delivery, document: object, attributes: dict[str, Any],
    ) -> Mapped:  # fmt: skip
        """Return one utterance for each text that can be read."""
        if not found:
            raise Skip("no-texts")
        if len(found) > MAX_TEXTS:
            raise BadInput("too-large", f"{len(found)} texts; at most {MAX_TEXTS} are read")
        wanted = delivery.replayed.texts
        ids = ids if ids is not None else [None] * len(found)
        if len(ids) != len(found):
            raise BadInput("mapping", f"id: {len(ids)} ids for {len(found)} texts")
        good: list[Utterance] = []
        bad: list[tuple[int, BadInput]] = []
        for index, (text, each) in enumerate(zip(found, ids, strict=True)):
            if wanted and index not in wanted:
                continue
            try:
                good.append(self._utterance(text, identity.of_text(message, each), index))
            except BadInput as reason:
                bad.append((index, reason))
        bad += _missing(wanted, len(found))
        furnished = [self._furnished(each, document, attributes) for each in good]
        return Mapped(furnished, _together(bad))

    def _utterance(self, text: object, known: Identity, index: int = 0) -> Utterance:
        if not isinstance(text, str):
            if text is None:
                raise BadInput("no-text-field", f"nothing at `{self._recipe.text}`")
            raise BadInput("text-type", f"text is {type(text).__name__}, not a string")
        whole = without_surrogates(text)
        cut, removed = False, dict[str, int]()
        if self._cleans:
            cleaned = clean(
                whole,
                quotes=self._recipe.strip_quotes,
                signature=self._recipe.strip_signature,
            )
            whole, cut, removed = cleaned.text, cleaned.cut, cleaned.removed
        return Utterance(
            text=whole[: self._max_text_chars],
            cut=cut or len(whole) > self._max_text_chars,
            removed=removed,
            source_id=known.key,
            index=index,
            subject=known.shown,
        )

    def _furnished(
        self, utterance: Utterance, document: object, attributes: dict[str, Any]
    ) -> Utterance:
        """Add what travels on beside the text, where anything does."""
        trace = attributes.get("traceparent") if attributes else None
        if not self._carry and self._language is None and trace is None:
            return utterance
        return msgspec.structs.replace(
            utterance,
            carried=_carried({name: read(document) for name, read in self._carry.items()}),
            language=_language(self._language(document)) if self._language else None,
            traceparent=trace if isinstance(trace, str) else None,
        )


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
    named = ", ".join(map(str, indexes[:_NAMED_AT_MOST]))
    more = f" and {len(bad) - _NAMED_AT_MOST} more" if len(bad) > _NAMED_AT_MOST else ""
    return BadInput(first.code, f"text {named}{more}: {first.detail}", indexes)


def _carried(fields: dict[str, Any]) -> dict[str, Any]:
    """Return carried fields in a form, and of a size, that can be published."""
    try:
        size = len(_encode(fields))
    except (UnicodeEncodeError, OverflowError, ValueError):
        # lone surrogates, or integers that JSON libraries do not share
        fields = json.loads(without_surrogates(json.dumps(fields, ensure_ascii=False)),
                            parse_int=_int_or_float)  # fmt: skip
        size = len(_encode(fields))
    except RecursionError:
        raise BadInput("carry", "nested too deeply") from None
    if size > _MAX_CARRIED_BYTES:
        raise BadInput("carry", f"{size} bytes of carried fields, over {_MAX_CARRIED_BYTES}")
    return fields


def _int_or_float(digits: str) -> int | float:
    value = int(digits)
    return value if -(2**63) <= value < 2**64 else float(digits)


def _language(value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_LANGUAGE_CHARS:
        return None
    return value if value.isascii() else None
