#!/usr/bin/env bash
# Runs golangci-lint: an installed one of the pinned version, else that version
# from its source (the first build takes a few minutes).
set -euo pipefail
cd "$(dirname "$0")/.."
version=${GOLANGCI:?set by the Makefile}

if [ "v$(golangci-lint version --short 2>/dev/null)" = "$version" ]; then
  exec golangci-lint run "$@"
fi
exec go run "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version" run "$@"
