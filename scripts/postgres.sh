#!/usr/bin/env bash
# Runs a command with a throw-away PostgreSQL cluster of the distribution's
# package behind ORDERHUB_TEST_POSTGRES:
#
#   scripts/postgres.sh go test ./store/...
#
# As root it installs the package when it is missing. Where no PostgreSQL can be
# had it says so in a line and runs the command without: the PostgreSQL tests
# then skip, each with a line of its own.
set -euo pipefail

if [ -n "${ORDERHUB_TEST_POSTGRES:-}" ]; then
  exec "$@" # a cluster is given
fi

find_bin() {
  local dir
  for dir in /usr/lib/postgresql/*/bin "$(dirname "$(command -v initdb 2>/dev/null || echo /nowhere/x)")"; do
    if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
      echo "$dir"
      return
    fi
  done
}

bin=$(find_bin)
if [ -z "$bin" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing postgresql" >&2
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql) >/dev/null
  bin=$(find_bin)
fi
if [ -z "$bin" ]; then
  echo "SKIP: no PostgreSQL on this machine and no right to install it; its tests are skipped" >&2
  exec "$@"
fi

dir=$(mktemp -d /tmp/orderhub-pg.XXXXXX)
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then
  # PostgreSQL refuses to run as root.
  id postgres >/dev/null 2>&1 || useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin postgres
  chown postgres "$dir"
  as() { setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups "$@"; }
fi
stop() {
  as "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap stop EXIT

as "$bin/initdb" -D "$dir/data" -U orderhub --auth=trust --encoding=UTF8 --locale=C.UTF-8 >/dev/null
# The socket is the only way in: nothing listens on the network. Durability is
# off where the tests do not measure it.
sync=${ORDERHUB_TEST_POSTGRES_FSYNC:-off}
as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" \
  -o "-k $dir -c listen_addresses='' -c fsync=$sync -c synchronous_commit=$sync -c full_page_writes=$sync -c max_connections=200 -c shared_buffers=256MB" start >/dev/null
export ORDERHUB_TEST_POSTGRES="postgres://orderhub@/postgres?host=$dir"
"$@"
