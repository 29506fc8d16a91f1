#!/usr/bin/env bash
# Bring helm, which renders the charts in the tests: built once with Go, kept in the user's cache.
set -euo pipefail

version=v3.22.0
target="${XDG_CACHE_HOME:-$HOME/.cache}/citybrain/tools/helm-$version"

command -v helm >/dev/null && exit 0
[ -x "$target/helm" ] && exit 0

go="$(command -v go || true)"
[ -n "$go" ] || { [ -x /usr/local/go/bin/go ] && go=/usr/local/go/bin/go; }
if [ -z "$go" ]; then
    echo "the charts' tests need helm, and Go to build it:  apt-get install golang-go   or put helm on PATH" >&2
    [ "${CI:-}" = "true" ] && exit 1 || exit 0
fi
echo "building helm $version (minutes, once)"
fresh="$(mktemp -d)"
trap 'rm -rf "$fresh"' EXIT
GOBIN="$fresh" "$go" install "helm.sh/helm/v3/cmd/helm@$version"
mkdir -p "$target"
mv "$fresh/helm" "$target/helm"
