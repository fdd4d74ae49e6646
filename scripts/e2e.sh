#!/usr/bin/env bash
# Drives the control panel of the real binary, with simulated marketplaces behind
# it, in a real Chromium. What it takes is passed to Playwright: scripts/e2e.sh orders
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${CHROMIUM:-}" ]; then
  CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
fi
if [ -z "$CHROMIUM" ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "this needs Chromium; install it, or name it in CHROMIUM" >&2
    exit 1
  fi
  echo "installing Chromium"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
  CHROMIUM=$(command -v chromium)
fi
export CHROMIUM
scripts/web.sh --if-stale
[ -f panel/dist/index.html ] || { echo "there is no panel to drive: run make web" >&2; exit 1; }
go build -o bin/orderhub ./cmd/orderhub
cd web
ORDERHUB_BINARY=../bin/orderhub npx --no-install playwright test "$@"
