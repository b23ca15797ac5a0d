"""Where in a document its texts are, and what belongs to each: one text, a list, or elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from connectors.errors import BadInput, Skip
from connectors.mapping import identity
from connectors.mapping.carried import NOTHING, Carried, Carrier
from connectors.mapping.documents import read
from connectors.mapping.expressions import (
    Interpreter,
    compile_expression,
    holds,
    is_of_message,
)
from connectors.mapping.identity import MessageIdentity, as_id
from connectors.mapping.mapping_config import MappingConfig
from connectors.mapping.template import expressions_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.delivery import Delivery
    from connectors.mapping.bounds import Work
    from connectors.mapping.cloudevents import Document
    from connectors.mapping.expressions import Reader

MAX_TEXTS = 1000
"""Texts in one message; each becomes an event."""


class Found(msgspec.Struct, frozen=True):
    """A text where it stands, not yet read.

    Attributes:
        value: The text; or the fields of the template, a reason why there is none, or what is not
            a text at all.
        known: How it is known.
        carried: What travels on beside it.
        traceparent: W3C trace context of its event.
    """

    value: object
    known: MessageIdentity
    carried: Carried = NOTHING
    traceparent: str | None = None


class Finder:
    """Finds the texts of one connector's documents."""

    def __init__(self, config: MappingConfig, work: Work) -> None:
        """Compile the expressions; what they do is charged to `work`.

        Raises:
            ValueError: An expression is not valid.
        """
        interpreter = Interpreter(work)
        self._work = work
        self._config = config
        fields = {
            name: compile_expression(name, each, interpreter)
            for name, each in config.expressions().items()
        }
        self._document = fields.get("document")
        self._when = fields.get("when")
        self._each = fields.get("each")
        self._text = fields["text"]
        parts = expressions_in(config.template)
        self._parts = [fields[f"template.{each}"] for each in parts]
        # what the whole message has makes no text of an element that has nothing
        self._decisive = [not (config.each and is_of_message(each)) for each in parts]
        self._id = fields.get("id")
        self._id_is_default = config.id == MappingConfig().id
        self._message_id = fields.get("message_id")
        self._carrier = Carrier(config, fields, work)

    def find(self, document: Document, delivery: Delivery) -> list[Found] | Found:
        """Return the texts of a document, one or a list of them.

        Raises:
            BadInput: Nothing in it can be read.
            Skip: It asks for no event.
        """
        value, is_text = document.value, document.is_text
        if self._document is not None and not is_text:
            value, is_text = self._inner(self._document, document)
        if self._when is not None:
            self._check_condition(self._when, value, document, is_text=is_text)
        if is_text:
            return self._as_text(value, document, delivery)
        if self._each is not None:
            return self._elements(self._each, value, document, delivery)
        return self._fields(value, document, delivery)

    def _inner(self, reader: Reader, document: Document) -> tuple[object, bool]:
        """Return the part that holds the document, and whether it is a text."""
        found = reader(document.value, document.whole)
        if found is None:
            raise BadInput("no-text-field", f"nothing at `{self._config.document}`")
        if isinstance(found, str):
            found = read(found)
        return found, isinstance(found, str)

    def _check_condition(
        self, when: Reader, value: object, document: Document, *, is_text: bool
    ) -> None:
        # what stands around a text may be asked
        asks_whole = document.whole is not value and is_of_message(self._config.when)
        if (is_text or not isinstance(value, dict | list)) and not asks_whole:
            raise BadInput("json", "no document, and the connector's `when` asks for one")
        if not holds(when(value, document.whole)):
            raise Skip("when")

    def _as_text(self, text: object, document: Document, delivery: Delivery) -> Found:
        """Return a text that has no fields; what stands around it may have."""
        if document.whole is text:
            return Found(text, identity.of_message(document.attributes, None, delivery))
        own = None
        if self._message_id is not None and is_of_message(self._config.message_id):
            own = as_id(self._message_id(None, document.whole))
        message = identity.of_message(document.attributes, own, delivery)
        return Found(text, message, self._carrier.around(document), _trace(document))

    def _message(
        self, value: object, document: Document, own: str | None, delivery: Delivery
    ) -> MessageIdentity:
        if self._message_id is not None:
            own = as_id(self._message_id(value, document.whole)) or own
        return identity.of_message(document.attributes, own, delivery)

    def _fields(self, value: object, document: Document, delivery: Delivery) -> list[Found] | Found:
        """Find one text or a list of them, and what belongs to all of them."""
        whole, own = document.whole, None
        # of an event, the default would find an id within its data
        if self._id is not None and not (document.attributes and self._id_is_default):
            own = self._id(value, whole)
        ids = [as_id(each) for each in own] if isinstance(own, list) else None
        message = self._message(value, document, None if ids else as_id(own), delivery)
        found = self._text_in(value, whole)
        beside = self._carrier.beside(value, document)
        if isinstance(found, list):
            return self._list(found, ids, Found(None, message, beside, _trace(document)))
        if ids is not None and len(ids) == 1:
            message = identity.of_text(message, ids[0])
        return Found(found, message, beside, _trace(document))

    def _list(
        self, found: list[object], ids: list[str | None] | None, shared: Found
    ) -> list[Found]:
        if not found:
            raise Skip("no-texts")
        self._check(len(found))
        if ids is not None and len(ids) != len(found):
            raise BadInput(
                "mapping", f"id: {len(ids)} ids for {len(found)} texts; `each` keeps them together"
            )
        message, beside, trace = shared.known, shared.carried, shared.traceparent
        named = zip(found, ids or [None] * len(found), strict=True)
        return [
            Found(each, identity.of_text(message, own, position), beside, trace)
            for position, (each, own) in enumerate(named)
        ]

    def _elements(
        self, each: Reader, value: object, document: Document, delivery: Delivery
    ) -> list[Found]:
        elements = each(value, document.whole)
        if not isinstance(elements, list):
            elements = [] if elements is None else [elements]
        self._work.spend(len(elements))
        message = self._message(value, document, None, delivery)
        found: list[Found] = []
        for element in elements:
            found += self._of_element(element, document, message, len(found))
            self._check(len(found))
        if not found:
            raise Skip("no-texts")
        return found

    def _of_element(
        self, element: object, document: Document, message: MessageIdentity, position: int
    ) -> Iterator[Found]:
        """Find the texts of one element, if it has any; `position` is that of the first."""
        whole, known = document.whole, message
        try:
            texts = self._text_in(element, whole)
            if texts is None:
                return
            if self._id is not None:
                own = as_id(self._id(element, whole))
                self._work.spend_on(len(own or ""))
                known = identity.of_text(message, own)
                position = position if own is None else 0
            beside = self._carrier.beside(element, document)
        except BadInput as reason:
            if reason.code == "too-costly":
                raise
            yield Found(reason, known)
            return
        texts = texts if isinstance(texts, list) else [texts]
        self._check(len(texts))
        for at, text in enumerate(texts, position):
            yield Found(text, identity.of_text(known, None, at), beside, _trace(document))

    def _text_in(self, value: object, whole: object) -> object:
        if not self._parts:
            return self._text(value, whole)
        parts = tuple(each(value, whole) for each in self._parts)
        decisive = zip(self._decisive, parts, strict=True)
        return parts if any(own and part not in (None, "") for own, part in decisive) else None

    def _check(self, count: int) -> None:
        if count > MAX_TEXTS:
            raise BadInput("too-large", f"{count} texts or more; at most {MAX_TEXTS} are read")


def _trace(document: Document) -> str | None:
    trace = document.attributes.get("traceparent") if document.attributes else None
    return trace if isinstance(trace, str) else None
