#!/usr/bin/env bash
# Runs the tests. `make test` puts a throw-away PostgreSQL behind it.
#
#   scripts/test.sh              vet; every test, on SQLite with the race detector
#                                where goroutines meet; the PostgreSQL half and
#                                then the long stories (kills, crashes) without it
#   scripts/test.sh --engines    only the packages that test on both engines, both
#                                with the race detector
#   scripts/test.sh PACKAGE...   only these packages
#
# What was skipped is listed with its reason at the end of each part.
set -euo pipefail
cd "$(dirname "$0")/.."

sum=(go run gotest.tools/gotestsum@v1.13.0 --format pkgname --format-icons text --)

# The race detector needs a C compiler.
race=(-race)
if ! command -v "$(go env CC)" >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing gcc" >&2
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev) >/dev/null
  else
    echo "SKIP: no C compiler on this machine; the tests run without the race detector" >&2
    race=()
  fi
fi
if [ ${#race[@]} -gt 0 ]; then
  export CGO_ENABLED=1
fi

# with_word lists the packages whose tests hold a word.
with_word() {
  grep -rl --include='*_test.go' --exclude-dir=testdata -- "$1" . | xargs -r -n1 dirname | sort -u
}

case "${1:-}" in
--engines)
  if [ -z "${ORDERHUB_TEST_POSTGRES:-}" ]; then
    echo "no PostgreSQL: start this through scripts/postgres.sh, or set ORDERHUB_TEST_POSTGRES" >&2
    exit 1
  fi
  mapfile -t packages < <(with_word 'storetest\.')
  exec "${sum[@]}" "${race[@]}" -timeout 20m "${packages[@]}"
  ;;
"") packages=(./...) ;;
*) packages=("$@") ;;
esac

echo "== vet"
go vet "${packages[@]}"

# The race detector makes minutes of seconds: it watches the packages in which
# goroutines meet, on SQLite. The others, and the PostgreSQL half, run without it.
calm='/(bench|demo|exchange|cmd/.*|onec/cml|channel/(ozon|wildberries|yandexmarket|site|insales|shopify))$'
mapfile -t all < <(go list "${packages[@]}")
mapfile -t watched < <(printf '%s\n' "${all[@]}" | grep -Ev "$calm")
mapfile -t quiet < <(printf '%s\n' "${all[@]}" | grep -E "$calm")
mapfile -t engines < <(comm -12 <(with_word 'storetest\.' | xargs -r go list | sort) <(printf '%s\n' "${watched[@]}" | grep -v '/server$' | sort))

if [ ${#watched[@]} -gt 0 ]; then
  echo "== tests${race:+, with the race detector} (what is too long for it follows below)"
  ORDERHUB_TEST_ENGINE=sqlite "${sum[@]}" "${race[@]}" -short -timeout 20m "${watched[@]}"
fi
if [ ${#quiet[@]} -gt 0 ]; then
  echo "== tests of calm packages"
  "${sum[@]}" -short -timeout 20m "${quiet[@]}"
fi
if [ -n "${ORDERHUB_TEST_POSTGRES:-}" ] && [ ${#engines[@]} -gt 0 ]; then
  echo "== tests on PostgreSQL" # of the API by --engines: it has no SQL of its own
  ORDERHUB_TEST_ENGINE=postgres "${sum[@]}" -short -timeout 20m "${engines[@]}"
fi

# Tests that skip with -short kill whole processes and watch the clock: they run
# after the others, one package at a time, as the program runs in life. Only they:
# the others of their packages were run above.
long=$(grep -rl --include='*_test.go' --exclude-dir=testdata 'testing\.Short()' . |
  xargs -r awk '/^func Test/ { sub(/^func /, ""); sub(/\(.*/, ""); name = $0 } /testing\.Short\(\)/ { print name }' | sort -u | paste -sd '|' -)
mapfile -t packages < <(comm -12 <(with_word 'testing\.Short()' | xargs -r go list | sort) <(go list "${packages[@]}" | sort))
if [ ${#packages[@]} -gt 0 ]; then
  echo "== long tests"
  "${sum[@]}" -p 1 -timeout 20m -run "^($long)\$" "${packages[@]}"
fi
