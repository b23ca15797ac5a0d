"""`python -m daemon.cli` is `tonebus`."""

from daemon.cli import main

main()
