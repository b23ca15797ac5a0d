"""What the writer of an e-mail wrote, without markup, quotes, signatures and disclaimers.

`mime` opens a mail as it travels. Of a text, `slack`, `jira`, `tokens`, `programs` and `html` make
lines of what a reader sees; `attributions` and `boundaries` know where another mail begins,
`quotes` what is the writer's own, `signatures` and `disclaimers` what stands beneath, `inserts`
what stands between; `clean` is the order. The words of mail programs and writers are in
`languages.toml`.

Pure functions over text: no I/O, no clock, no state. Their work is linear in what they are given,
and bounded.
"""

from connectors.mapping.mail.clean import STEPS_OF_CLEANING, Cleaned, clean
from connectors.mapping.mail.mime import cost, read_mail

__all__ = ["STEPS_OF_CLEANING", "Cleaned", "clean", "cost", "read_mail"]
