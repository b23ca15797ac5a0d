#!/usr/bin/env bash
# A RabbitMQ of a named version, for the tests, beside whatever else runs on this machine.
#   rabbitmq.sh versions          the versions that the tests know, oldest first
#   rabbitmq.sh install VERSION   get it; prints its root directory, nothing for the machine's own
#   rabbitmq.sh start VERSION     start a node that stays; prints what the tests want of it
#   rabbitmq.sh running VERSION   whether it runs; says so by its exit code
#   rabbitmq.sh stop VERSION      end that node, and delete its data
#   rabbitmq.sh ctl VERSION …     rabbitmqctl on that node
#
# What the machine does not have comes from a newer or older Debian, whole, by debootstrap: some
# 400 MB for a version, kept under TEST_RABBITMQ_ROOTS (by default in the user's cache directory).
# TEST_DEBIAN_MIRROR names a mirror; by default it is the one that apt uses.
# Exits with 69 where a version cannot be had: that wants root and a mirror.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/python.sh
source scripts/python.sh

VERSIONS="3.10 4.0 4.3"
EX_UNAVAILABLE=69
roots=${TEST_RABBITMQ_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/tonebus/rabbitmq}

suite_of() {
  case "$1" in
  3.10) echo bookworm ;;
  4.0) echo trixie ;;
  4.3) echo sid ;;
  *)
    say "RabbitMQ $1 is not one that the tests know: $VERSIONS"
    exit 64
    ;;
  esac
}

unavailable() {
  say "RabbitMQ $version cannot be had here: $*"
  exit "$EX_UNAVAILABLE"
}

# The version of the package under a root, as major.minor; fails where there is none.
packaged() {
  local libraries=("$1"/usr/lib/rabbitmq/lib/rabbitmq_server-*)
  [ -d "${libraries[0]}" ] || return 1
  local name=${libraries[0]##*/rabbitmq_server-}
  echo "${name%.*}"
}

mirror() {
  [ -z "${TEST_DEBIAN_MIRROR:-}" ] || { echo "$TEST_DEBIAN_MIRROR"; return; }
  local found
  found=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null |
    grep --invert-match security | head -1) || true
  echo "${found:-http://deb.debian.org/debian}"
}

install() {
  local suite said root=$roots/$version
  suite=$(suite_of "$version")
  [ "$(packaged / || true)" != "$version" ] || return 0
  if [ ! -d "$root" ]; then
    [ "$(id -u)" = 0 ] || unavailable "only root can make and enter a root directory"
    command -v debootstrap >/dev/null || { can_apt && apt_install debootstrap; } ||
      unavailable "debootstrap is not installed (Debian: apt-get install debootstrap)"
    say "getting RabbitMQ $version from Debian $suite, a minute or two"
    mkdir -p "$roots"
    rm -rf "$root.part"
    if ! said=$(debootstrap --variant=minbase --include=rabbitmq-server,procps \
      "$suite" "$root.part" "$(mirror)" 2>&1); then
      unavailable "debootstrap failed: $(tail -n 3 <<<"$said")"
    fi
    # its node looks its own name up, and nobody serves names in there
    printf 'passwd: files\ngroup: files\nhosts: files\n' >"$root.part/etc/nsswitch.conf"
    touch "$root.part/etc/hosts"
    rm -rf "$root.part"/var/cache/apt/archives/*.deb
    mv "$root.part" "$root"
  fi
  local found
  found=$(packaged "$root" || true)
  [ "$found" = "$version" ] ||
    unavailable "Debian $suite has $found now; remove $root, or name the version that it has"
  scripts/in_root.sh "$root" "$root/mnt" /bin/true 2>/dev/null ||
    unavailable "$root cannot be entered: that wants the right to mount"
  echo "$root"
}

version=${2:-}
case "${1:-}" in
versions)
  echo "$VERSIONS"
  ;;
install)
  install
  ;;
start | running | stop | ctl)
  suite_of "$version" >/dev/null
  TEST_RABBITMQ_NODES=$roots exec .venv/bin/python -m tests.own "$@"
  ;;
*)
  say "usage: $0 versions | install VERSION | start VERSION | running VERSION | stop VERSION | ctl VERSION …"
  exit 64
  ;;
esac
