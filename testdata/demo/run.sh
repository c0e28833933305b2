#!/bin/sh
# The story that make demo tells, on a sandbox: run.sh TLSYNC
set -eu
tlsync=$1
demo=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/zones"
cp "$demo/tlsync.yaml" "$work"
cp "$demo/zones/shops.example.yaml" "$work/zones"
cd "$work"
git init -q .
git add .
git -c user.name=demo -c user.email=demo@shops.example -c commit.gpgsign=false commit -q -m 'TLS policy of our shops'

say() { printf '\n# %s\n' "$*"; }
# run CODE ARGS…: prints the command, runs it, and insists on its exit code.
run() {
	want=$1
	shift
	printf '\n$ tlsync %s\n' "$*"
	code=0
	"$tlsync" "$@" || code=$?
	if [ "$code" -ne "$want" ]; then
		printf 'demo: exit code %s, want %s\n' "$code" "$want" >&2
		exit 1
	fi
}

say 'Check the configuration, offline.'
run 0 validate
say 'What would it change? Reading 1,200 custom hostnames takes two list requests.'
run 0 plan
say 'Write it. The shops that get a value of their own come before the zone.'
run 0 apply --auto-approve
say 'Nothing is left to do.'
run 0 plan
say 'Somebody opens a customer in the dashboard and presses Save. The form writes'
say 'the minimum version that it displays, and the name no longer follows the zone.'
run 0 sandbox dashboard shops.example/shop-0042.customers.example
say 'Somebody else is in a hurry.'
run 0 sandbox dashboard shops.example/till-07.pay.example min_tls_version=1.0
say 'Drift finds both, and the lines that ask for something else. Exit code 2.'
run 2 drift
say 'Apply puts it right.'
run 0 apply --auto-approve
run 0 drift
