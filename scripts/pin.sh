#!/usr/bin/env bash
# Resolve everything in an empty environment, and write what came out to constraints.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/python.sh
source scripts/python.sh

# A newer torch is a choice, not an update: see docs/decisions.md.
torch=$(grep '^torch==' constraints.txt)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf '%s\n' "$torch" >"$scratch/torch.txt"

find_python
"$python" -m venv "$scratch/venv"
pip=("$scratch/venv/bin/python" -m pip --disable-pip-version-check)
"${pip[@]}" install -qq --upgrade 'pip>=25.1'
# shellcheck disable=SC2086
"${pip[@]}" install -qq ${PIP_ARGS:-} --constraint "$scratch/torch.txt" '.[docs,plot]' --group dev

# A suffix such as +cpu names one build; the pin holds for every build of that version.
"${pip[@]}" freeze --exclude tonebus | sed 's/+.*//' >"$scratch/pins.txt"
{
  sed '/^[^#]/,$d' constraints.txt
  cat "$scratch/pins.txt"
} >"$scratch/constraints.txt"
cp "$scratch/constraints.txt" constraints.txt
say "constraints.txt pins $(wc -l <"$scratch/pins.txt") packages"
