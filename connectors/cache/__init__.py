"""Scores and published-marks, kept where every process of a deployment finds them."""

from connectors.cache.cache import Cache
from connectors.cache.deployment import deployment
from connectors.cache.store import RedisStore, Store, namespace

__all__ = ["Cache", "RedisStore", "Store", "deployment", "namespace"]
