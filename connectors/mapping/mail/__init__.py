"""What the writer of an e-mail wrote, without markup, quotes, signatures and disclaimers.

Pure functions over text: no I/O, no clock, no state. Their work is linear in what they are given,
and bounded.
"""

from connectors.mapping.mail.clean import MAX_STEPS, Cleaned, clean

__all__ = ["MAX_STEPS", "Cleaned", "clean"]
