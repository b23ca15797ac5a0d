"""Mistakes in the core that the tests must notice; `make mutations` makes them one by one."""
