"""A daemon as a process: wiring, signals, reconnecting, the supervisor and its watchdog."""
