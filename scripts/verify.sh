#!/usr/bin/env bash
# Checks of the tree that need no network: sizes, paths of somebody's machine,
# licences of the modules that are built in.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0

# Tracked files and those that would be.
files() { git ls-files -z --cached --others --exclude-standard; }

while IFS= read -r -d '' f; do
  kb=500
  if [ "$f" = docs/openapi.json ]; then
    kb=1000 # generated; it grows with the API, and its changes are read line by line
  fi
  if [ -f "$f" ] && [ "$(stat -c %s "$f")" -gt $((kb * 1024)) ]; then
    echo "over $kb KB: $f"
    bad=1
  fi
done < <(files)

# The classes keep the pattern from finding itself.
if files | xargs -0 grep -InE '/(hom[e]/[a-z]|roo[t]/|User[s]/[A-Za-z]|wor[k]/)' --; then
  echo "paths of somebody's machine: see above"
  bad=1
fi

# kind names the licence in a file by the words that only it has.
kind() {
  local words
  words=$(tr -s '[:space:]' ' ' <"$1")
  case "$words" in
  *"Apache License Version 2.0"*) echo Apache-2.0 ;;
  *"Mozilla Public License"*) echo MPL-2.0 ;;
  *"Permission is hereby granted, free of charge"*) echo MIT ;;
  *"Redistribution and use in source and binary forms"*) echo BSD ;;
  *"Permission to use, copy, modify, and"*) echo ISC ;;
  *"This is free and unencumbered software"*) echo Unlicense ;;
  *) echo unknown ;;
  esac
}

modules=$(go list -deps -test -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ./... | sort -u)
count=0
while read -r module dir; do
  count=$((count + 1))
  found=
  for f in "$dir"/LICENSE* "$dir"/LICENCE* "$dir"/COPYING* "$dir"/UNLICENSE*; do
    if [ -f "$f" ]; then
      found=$(kind "$f")
      [ "$found" = unknown ] || break
    fi
  done
  if [ -z "$found" ] || [ "$found" = unknown ]; then
    echo "licence not recognised or not allowed: $module"
    bad=1
  fi
done <<<"$modules"

if [ "$bad" = 0 ]; then
  echo "sizes, paths and the licences of $count modules are fine"
fi
exit "$bad"
