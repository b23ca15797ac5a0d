#!/usr/bin/env bash
# Make the environment at $1, or bring it up to date: Tonebus itself, editable; with `tools` as $2,
# what tests, style and documents need as well.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/python.sh
source scripts/python.sh

venv=$1 tools=${2:-}
if [ "$tools" ]; then
  what=(--editable '.[docs]' --group dev)
  named="Tonebus and the tools of its developers"
else
  what=(--editable .)
  named="Tonebus"
fi

# uv takes PyTorch's CPU build where there is no GPU, from an index of PyTorch's own; pip takes what
# its index has, which on Linux may be the build for CUDA, 3 GB larger.
uv_can() {
  command -v uv >/dev/null &&
    timeout 20 uv pip install --quiet --dry-run --python "$venv/bin/python" --torch-backend auto \
      --constraint constraints.txt torch >/dev/null 2>&1
}

# What pip collects and downloads, one line over the other, and its errors.
progress() {
  while read -r line; do
    case "$line" in
    Collecting* | *Downloading* | Building* | Installing*) printf '\r\033[K%.70s' "$line" >&2 ;;
    ERROR*) printf '\r\033[K%s\n' "$line" >&2 ;;
    esac
  done
  printf '\r\033[K' >&2
}

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  find_python
  say "making $venv with $("$python" --version)"
  "$python" -m venv --clear "$venv"
fi

if uv_can; then
  say "installing $named into $venv with uv, PyTorch for this machine's GPU or CPU"
  uv pip install --python "$venv/bin/python" --torch-backend auto --constraint constraints.txt \
    "${what[@]}"
  exit
fi

# Dependency groups came with pip 25.1; a new environment may start with an older one.
if [ "$tools" ] && ! "$venv/bin/python" -m pip install --help | grep -q -e --group; then
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
fi

say "installing $named into $venv with pip; the first time takes a minute or more"
# Unquoted on purpose: PIP_ARGS holds several arguments.
# shellcheck disable=SC2206
pip=("$venv/bin/python" -m pip install --disable-pip-version-check --no-compile ${PIP_ARGS:-}
  --constraint constraints.txt "${what[@]}")
if [ -t 2 ]; then
  "${pip[@]}" --progress-bar off 2>&1 | progress
else
  "${pip[@]}" -qq
fi
