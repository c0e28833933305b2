#!/bin/sh
# The story that make demo-import tells, on a sandbox: run.sh TLSYNC
set -eu
tlsync=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

printf '$ tlsync import --out tls\n'
"$tlsync" import --out tls >wrote.txt
times >cpu.txt # in its second line the user and system time of processes that have ended
printf '\nCPU time of the import, user and system: %s\n' "$(sed -n 2p cpu.txt)"
printf '%s lines of YAML in %s files\n' "$(cat tls/*.yaml tls/*/*.yaml | wc -l)" "$(wc -l <wrote.txt)"

printf '\n$ cat tls/zones/shared.yaml\n'
cat tls/zones/shared.yaml

printf '\n$ tlsync import --out again && diff -r tls again\n'
"$tlsync" import --out again --quiet >/dev/null
diff -r tls again

printf '\n$ tlsync plan --config tls\n'
"$tlsync" plan --config tls --detailed-exitcode | tail -n 2
