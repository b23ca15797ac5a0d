"""Any Hugging Face sequence-classification model as a scorer of tones.

Only modules of this package import torch or transformers. Those that other processes use do not:
`identity`, `labels`, `language`, and what these import.
"""

import os

# OpenMP's threads spin while they wait for one another; where the cores are shared with other
# processes, a forward of milliseconds then takes seconds. It reads this when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
