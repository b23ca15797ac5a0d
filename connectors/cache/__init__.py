"""Scores and published-marks, kept where every process finds them."""

from connectors.cache.cache import Cache
from connectors.cache.store import RedisStore, Store

__all__ = ["Cache", "RedisStore", "Store"]
