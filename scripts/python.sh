# shellcheck shell=bash
# Sourced: `find_python` names an interpreter that can make the environment, in $python.

say() { printf '%s\n' "$*" >&2; }

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# What apt-get says is shown only where it fails.
apt_install() {
  local said
  say "installing $*"
  export DEBIAN_FRONTEND=noninteractive
  if ! said=$(apt-get update -qq 2>&1 && apt-get install -qq -y --no-install-recommends "$@" 2>&1); then
    say "$said"
    return 1
  fi
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Debian splits ensurepip off: a venv without it has no pip.
makes_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11; do
    python=$(command -v "$candidate") && new_enough "$python" && break
    python=
  done
  if [ -z "$python" ] && can_apt; then
    apt_install python3 python3-venv
    python=$(command -v python3) && new_enough "$python" || python=
  fi
  if [ -z "$python" ]; then
    say "Tonebus needs Python 3.11 or newer, and found none; name one with: make PYTHON=/path/to/python3"
    return 1
  fi
  if ! makes_venvs "$python" && can_apt; then
    apt_install python3-venv
  fi
  if ! makes_venvs "$python"; then
    say "$python cannot make virtual environments; install its venv module (Debian: apt-get install python3-venv)"
    return 1
  fi
}
