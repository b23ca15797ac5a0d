#!/usr/bin/env bash
# The tests that talk to a broker, on a RabbitMQ of a named version.
#   test_rabbitmq.sh VERSION [ARGUMENT…]   all of them, with arguments for pytest
#   test_rabbitmq.sh span                  the essential ones, on the oldest and the newest version
#                                          that this machine can have, beside the one in use
# A version that cannot be had fails the first, and is named and left out by the second.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/python.sh
source scripts/python.sh

# What a version could break: what is promised of a bus, bad input, declaring, the way of a message.
ESSENTIAL=(tests/contract tests/hostile tests/connectors tests/daemon/cli/test_topology.py
  tests/e2e/test_main_job.py tests/e2e/test_permissions.py)

run() {
  local version=$1 variables
  shift
  # one that runs already is somebody's
  # shellcheck disable=SC2064 # the version of now
  scripts/rabbitmq.sh running "$version" || trap "scripts/rabbitmq.sh stop '$version'" EXIT
  variables=$(scripts/rabbitmq.sh start "$version") || return
  # shellcheck disable=SC2046,SC2086 # a list of NAME=value
  export $variables
  say "tests on RabbitMQ $(.venv/bin/python -m tests.servers --version broker)"
  .venv/bin/python -m pytest -n "${AT_ONCE:-5}" -m broker "$@"
}

span() {
  local versions in_use oldest='' newest='' version rc=0
  read -ra versions <<<"$(scripts/rabbitmq.sh versions)"
  in_use=$(.venv/bin/python -m tests.servers --version broker)
  for version in "${versions[@]}"; do
    scripts/rabbitmq.sh install "$version" >/dev/null || continue
    oldest=${oldest:-$version}
    newest=$version
  done
  say "all tests ran on RabbitMQ $in_use"
  for version in $(printf '%s\n' $oldest $newest | uniq); do
    [ "$version" != "${in_use%.*}" ] || continue
    (run "$version" "${ESSENTIAL[@]}") || rc=$?
  done
  return "$rc"
}

case "${1:-}" in
'')
  say "usage: $0 VERSION [ARGUMENT…] | span"
  exit 64
  ;;
span)
  span
  ;;
*)
  run "$@"
  ;;
esac
