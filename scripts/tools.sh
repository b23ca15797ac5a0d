#!/usr/bin/env bash
# Programs that some tests want beside the servers: Chromium for the status page, promtool for the
# alert rules. Where they cannot be installed those tests are skipped, and say so.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/python.sh
source scripts/python.sh

need() {
  local program=$1 package=$2
  command -v "$program" >/dev/null && return
  if can_apt; then
    apt_install "$package" || say "$package could not be installed; tests that want it are skipped"
  else
    say "no $program: tests that want it are skipped (Debian: apt-get install $package)"
  fi
}

need chromium chromium
need promtool prometheus
