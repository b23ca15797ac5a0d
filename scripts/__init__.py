"""What a checkout's Makefile runs: installation, servers for tests, generated documents."""
