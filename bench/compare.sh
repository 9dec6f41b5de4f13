#!/usr/bin/env bash
# Runs the benchmarks of this tree and of the last release, in turn and on one broker, and compares them with benchstat:
#   go run ./internal/rabbit/with -- bench/compare.sh BENCHTIME COUNT
set -euo pipefail

benchtime=$1 count=$2
cd "$(dirname "$0")/.."
figures=$(mktemp -d)
trap 'rm -rf "$figures"; git worktree prune 2>/dev/null || true' EXIT
benchstat=(go tool -modfile=tools/go.mod benchstat)

# measure DIR FILE runs the benchmarks of a tree once; the packages that have any are those of its main module.
measure() {
	(
		cd "$1"
		grep -rl --include='*_test.go' --exclude-dir=tools --exclude-dir=deploy '^func Benchmark' . | xargs -n1 dirname | sort -u |
			xargs go test -run '^$' -bench . -benchmem -benchtime "$benchtime"
	) | tee -a "$2" >&2
}

release=$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true)
if [[ -z $release ]]; then
	for ((i = 0; i < count; i++)); do measure . "$figures/tree"; done
	echo "There is no release to compare with yet, so these are the figures of this tree alone."
	"${benchstat[@]}" "this tree=$figures/tree"
	exit
fi
git worktree add --quiet --detach "$figures/$release" "$release"
for ((i = 0; i < count; i++)); do
	measure "$figures/$release" "$figures/release"
	measure . "$figures/tree"
done
"${benchstat[@]}" "$release=$figures/release" "this tree=$figures/tree"
