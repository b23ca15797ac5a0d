"""The units, what installs them, and how they do under a real systemd."""
