#!/usr/bin/env bash
# Make the environment at $1, or bring it up to date: Tonebus itself, editable, and the tools.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/python.sh
source scripts/python.sh

venv=$1

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  find_python
  say "making $venv with $("$python" --version)"
  "$python" -m venv --clear "$venv"
fi

# Dependency groups came with pip 25.1; a new environment may start with an older one.
if ! "$venv/bin/python" -m pip install --help | grep -q -e --group; then
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
fi

say "installing into $venv; the first time takes some minutes"
# Unquoted on purpose: PIP_ARGS holds several arguments.
# shellcheck disable=SC2086
"$venv/bin/python" -m pip install -qq --disable-pip-version-check ${PIP_ARGS:-} \
  --constraint constraints.txt --editable '.[docs]' --group dev
