"""From the raw body of a message to the utterances in it, as a connector's recipe has it.

`bounds` refuses what no recipe may touch, `cloudevents` knows that envelope, `expressions` finds
things in a document, `cleaning` takes markup and quotes out of a text, and `mapper` is the order
in which they come.
"""

from connectors.mapping.cleaning import is_blank
from connectors.mapping.mapper import Mapped, Mapper
from connectors.mapping.mapping_config import Recipe

__all__ = ["Mapped", "Mapper", "Recipe", "is_blank"]
