#!/bin/sh
# The command as the services have it: with their settings and, for root, who alone may read them,
# their secrets. Otherwise it would speak to another broker than they do.
if [ -r /etc/tonebus/tonebus.toml ]; then
  export TONEBUS_CONFIG="${TONEBUS_CONFIG:-/etc/tonebus/tonebus.toml}"
fi
if [ -r /etc/tonebus/credentials ]; then
  export CREDENTIALS_DIRECTORY="${CREDENTIALS_DIRECTORY:-/etc/tonebus/credentials}"
fi
exec /opt/tonebus/bin/tonebus "$@"
