"""From a delivery to its items, or to the reason why it is parked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import BadInput, Skip
from connectors.events import event as envelope
from connectors.parking.park import Reason
from daemon.pipeline import further
from daemon.pipeline.settlement import Settlement
from daemon.pipeline.work import Item
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.cache import Cache
    from connectors.delivery import Delivery
    from connectors.mapping.mapper import Mapped
    from daemon.pipeline.tally import Tally
    from daemon.pipeline.work import Route


class Reader:
    def __init__(self, routes: Mapping[str, Route], cache: Cache, tally: Tally) -> None:
        self._routes = routes
        self._cache = cache
        self._tally = tally

    def read(self, delivery: Delivery) -> tuple[Settlement, list[Item]]:
        """Return what is owed for a message, and its items.

        A message that asks for no event owes nothing; one that cannot be read owes a parked copy.
        """
        self._tally.count(metrics.DELIVERIES, delivery)
        route = self._routes[delivery.connector]
        try:
            return self._items(delivery, route, route.mapper.read(delivery))
        except BadInput as bad:
            reason = Reason(bad.code, stage="map", detail=bad.detail)
        except Skip as skip:
            self._tally.count(metrics.SKIPPED, delivery, str(skip))
            delivery.trace.record("skipped", str(skip))
            return Settlement(delivery, 0), []
        except Exception as error:  # noqa: BLE001 - whatever a library raises costs this message alone
            reason = Reason("mapping", stage="map", detail=type(error).__name__)
        self._tally.unmapped(delivery)
        return Settlement(delivery, 0, [reason]), []

    def _items(
        self, delivery: Delivery, route: Route, mapped: Mapped
    ) -> tuple[Settlement, list[Item]]:
        self._tally.mapped(delivery, mapped)
        failures = []
        if bad := mapped.bad:
            failures = [Reason(bad.code, "map", bad.detail, texts=bad.indexes)]
        settlement = Settlement(delivery, len(mapped.texts), failures)
        items = []
        for text in mapped.texts:
            choice = route.routing.choose(text.content, text.language)
            identity = choice.model.identity
            event_id = envelope.event_id(delivery.connector, text)
            score_key = self._cache.score_key(identity.model, identity.preprocessing, text.content)
            mark_key = self._cache.mark_key(event_id, identity.model)
            item = Item(settlement, route, text, choice, event_id, score_key, mark_key)
            if route.further:
                item.further = further.wanted(route.further, text, choice.language, self._cache)
            items.append(item)
        return settlement, items
