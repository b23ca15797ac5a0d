"""The edges inside one process: for a first try without servers, and for fast tests.

A message sent here is delivered, acknowledged, returned and parked as RabbitMQ would do it; one
contract suite runs over both. Nothing survives the process.
"""

from connectors.embedded.broker import EmbeddedBroker
from connectors.embedded.edges import Embedded
from connectors.embedded.store import EmbeddedStore
from connectors.embedded.worker import EmbeddedWorker

__all__ = ["Embedded", "EmbeddedBroker", "EmbeddedStore", "EmbeddedWorker"]
