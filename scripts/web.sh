#!/usr/bin/env bash
# Builds the control panel into panel/dist, from where the binary embeds it.
#
#   scripts/web.sh             build
#   scripts/web.sh --if-stale  build when it was never built or web/ is newer;
#                              without Node.js say so and go on
#   scripts/web.sh --lint      tsc, eslint, texts; skipped without Node.js
set -euo pipefail
cd "$(dirname "$0")/../web"
what=${1:-build}
built=../panel/dist/index.html

have_node() { command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; }

stale() {
  [ ! -f "$built" ] && return 0
  [ -n "$(find src scripts public index.html package-lock.json vite.config.ts ../docs/openapi.json -newer "$built" ! -name schema.d.ts -print -quit)" ]
}

# install brings node_modules to what package-lock.json says.
install() {
  if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --no-audit --no-fund --loglevel=error
    touch node_modules/.package-lock.json
  fi
}

case $what in
--if-stale)
  stale || exit 0
  if ! have_node; then
    echo "the control panel is not built: that needs Node.js 20.19 or later (the rest works without)" >&2
    exit 0
  fi
  ;;
--lint)
  if ! have_node; then
    echo "SKIP: the control panel was not checked: that needs Node.js 20.19 or later" >&2
    exit 0
  fi
  install
  npm run --silent lint
  exit
  ;;
build)
  if ! have_node; then
    echo "the control panel needs Node.js 20.19 or later to be built" >&2
    exit 1
  fi
  ;;
*)
  echo "unknown: $what" >&2
  exit 2
  ;;
esac
install
npm run --silent build
