#!/usr/bin/env bash
# RabbitMQ and Redis for the tests, and the tools of systemd and iproute2.
#   servers.sh status   say which of them answer on the configured URLs
#   servers.sh ensure   start, and where need be install, those that do not; they stay running
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/python.sh
source scripts/python.sh

# An actual handshake with the URL's own credentials: an open port may be a server still booting.
answers() { .venv/bin/python -m tests.servers "$1"; }

is_local() { .venv/bin/python -m tests.servers --local "$1"; }

install_missing() {
  local package=$1 program=$2
  command -v "$program" >/dev/null && return
  can_apt && apt_install "$package" && command -v "$program" >/dev/null
}

# Where systemd runs the machine it owns the servers; in containers nobody does.
start_rabbitmq() {
  install_missing rabbitmq-server rabbitmq-server || return 1
  [ "$(id -u)" = 0 ] || return 1
  say "starting rabbitmq-server"
  if [ -d /run/systemd/system ]; then
    systemctl start rabbitmq-server
  else
    rabbitmq-server -detached >&2
  fi
}

start_redis() {
  install_missing redis-server redis-server || return 1
  say "starting redis-server"
  if [ -d /run/systemd/system ] && [ "$(id -u)" = 0 ]; then
    systemctl start redis-server
  else
    redis-server --daemonize yes --bind 127.0.0.1 --port "$(is_local redis)" \
      --save '' --appendonly no --dir "${TMPDIR:-/tmp}" >&2
  fi
}

ensure() {
  local name=$1 start=$2 tries
  answers "$name" >/dev/null 2>&1 && return
  if is_local "$name" >/dev/null && "$start"; then
    # RabbitMQ takes 10 s to boot on a small machine, much longer on a busy one.
    for ((tries = 0; tries < 60; tries++)); do
      answers "$name" >/dev/null 2>&1 && return
      sleep 1
    done
  fi
  answers "$name" || true
  say "Start the servers with: docker compose up --detach --wait rabbitmq redis"
  return 1
}

case "${1:-}" in
status)
  rc=0
  answers broker || rc=1
  answers redis || rc=1
  exit "$rc"
  ;;
ensure)
  ensure broker start_rabbitmq
  ensure redis start_redis
  # Tests boot a systemd and make hosts of their own; without these they are skipped, and say so.
  install_missing systemd systemd-analyze || true
  install_missing iproute2 ip || true
  ;;
*)
  say "usage: $0 ensure|status"
  exit 64
  ;;
esac
