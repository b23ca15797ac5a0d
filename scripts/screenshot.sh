#!/usr/bin/env bash
# Take docs/status.png of a Tonebus that runs: scripts/screenshot.sh [URL]
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/python -m tests.browser.screenshot "${1:-http://127.0.0.1:8080/}" docs/status.png \
  --height 1010 --text "Still no refund, and nobody answers."
