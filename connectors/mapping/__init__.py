"""From the raw body of a message to the texts in it, as its connector says.

What publishers send is read here and nowhere else, so all of it is bounded, and whatever goes wrong
is a reason to park that message. `bounds` counts; `labels` and `content` decide how a body is
read; `documents`, `amqp_value` and `cloudevents` open it; `expressions` and `finding` look for the
texts in it; `identity` says what they are known by; `mail` and `texts` clean them; `mapper` is the
order.
Nothing here knows of brokers, caches or models.
"""

from connectors.mapping.mapper import Mapped, Mapper
from connectors.mapping.mapping_config import MappingConfig
from connectors.mapping.timestamps import seconds_of, written

__all__ = ["Mapped", "Mapper", "MappingConfig", "seconds_of", "written"]
