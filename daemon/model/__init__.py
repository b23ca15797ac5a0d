"""Any Hugging Face sequence-classification model as a scorer of tones.

Only the modules of this package import torch or transformers; `identity`, `preprocessing` and
`labels` do not, so that the daemon can use them.
"""

import os

# OpenMP's threads spin while they wait for one another; where the cores are shared with other
# processes, a forward of milliseconds then takes seconds. It reads this when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
