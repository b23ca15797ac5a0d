"""Nothing is lost, whatever is killed, stopped or cut: an oracle accounts for every message."""
