"""How hard to search for an input that breaks something.

`make test` tries a few hundred examples of each kind; `make fuzz` as many as `FUZZ_EXAMPLES` says.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES") or 200)

# a busy machine is no finding
fuzzed = settings(
    max_examples=_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
