"""How much one turn does, and how much a daemon holds: what `worst_case_bytes` adds up."""

from __future__ import annotations

MAP_DELIVERIES = 250
"""Deliveries that one turn maps, at most."""
MAP_SECONDS = 0.02
"""Time that one turn maps, at most, but for the message that it is at."""
HELD_ITEMS = 10_000
"""Items under way, beyond which nothing more is mapped."""
HELD_CHARS = 16 * 1024 * 1024
"""Likewise for the characters of their texts and carried fields."""
WINDOW_BYTES = 8 * 1024 * 1024
"""Unconfirmed bytes; one message may exceed it, alone."""
WINDOW_MESSAGES = 2000
"""Unconfirmed messages."""
SLOW_HOLDS = 5
"""A delivery that waits so many times `hold_seconds` behind others shows that too many are held."""
