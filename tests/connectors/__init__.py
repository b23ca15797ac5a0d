"""The edges, one by one."""
