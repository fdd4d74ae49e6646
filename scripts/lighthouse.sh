#!/usr/bin/env bash
# Asks Lighthouse what it thinks of the panel: a demo in which nothing moves, a hundred
# orders, a desk and a slow phone. Lighthouse is fetched for it; nothing else needs it.
#
#   scripts/lighthouse.sh [PAGE...]     /orders /today without any
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- /orders /today

CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$CHROMIUM" ] || { echo "this needs Chromium; install it, or name it in CHROMIUM" >&2; exit 1; }
export CHROMIUM
scripts/web.sh --if-stale
go build -o bin/orderhub ./cmd/orderhub

dir=$(mktemp -d)
demo=
cleanup() {
  if [ -n "$demo" ]; then kill -INT "$demo" 2>/dev/null || true; wait "$demo" || true; fi
  rm -rf "$dir"
}
trap cleanup EXIT
cp web/scripts/lighthouse.mjs "$dir"
npm install --silent --no-audit --no-fund --prefix "$dir" lighthouse@12.8.2 puppeteer-core@24.43.1 >/dev/null

bin/orderhub demo --addr 127.0.0.1:0 --policy shared --faults none --by-hand >"$dir/demo.log" 2>&1 &
demo=$!
said() { sed -nE "s/^ +$1 +([^ ]+).*/\1/p" "$dir/demo.log" | head -n 1; }
for _ in $(seq 100); do
  [ -n "$(said 'API token')" ] && break
  sleep 0.1
done
node "$dir/lighthouse.mjs" "$(said Panel)" "$(said 'API token')" "$(said Simulators)" "$@"
