#!/bin/sh
# Builds a real kube-apiserver from the Go module proxy into a folder outside of the repository, once, and prints where it is:
#
#   test/support/build-kube-apiserver.sh [FOLDER]     default: ~/.cache/containerdns-tests
#   test/support/build-kube-apiserver.sh --built      only prints where it is; fails when it has not been built yet
#
# Needs go 1.24 or later and a gigabyte and a half; half an hour on a busy machine of two cores.
set -eu

version=1.34.1
given=${1:-}
[ "$given" = --built ] && given=
folder=${given:-${XDG_CACHE_HOME:-$HOME/.cache}/containerdns-tests}
binary=$folder/kube-apiserver-$version
if [ -x "$binary" ]; then
  echo "$binary"
  exit
fi
if [ "${1:-}" = --built ]; then
  echo "there is no kube-apiserver at $binary: build it with test/support/build-kube-apiserver.sh" >&2
  exit 1
fi
module=$folder/kube-apiserver-module
mkdir -p "$module"
cd "$module"
sources=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
# Its own go.mod takes the modules beside it from folders that are not in its archive: they are published as v0 of the same version.
{
  printf 'module kubeapiserver\n\n'
  grep -E '^(go|godebug) ' "$sources/go.mod"
  printf 'require k8s.io/kubernetes v%s\nreplace (\n' "$version"
  sed -nE "s#^[[:space:]]*(k8s.io/[a-z-]+) => ./staging/.*#\t\1 => \1 v0.${version#1.}#p" "$sources/go.mod"
  printf ')\n'
} >go.mod
printf '//go:build tools\n\npackage tools\n\nimport _ "k8s.io/kubernetes/cmd/kube-apiserver"\n' >tools.go
GOFLAGS=-mod=mod nice -n 19 go build -p 1 -o "$binary.new" k8s.io/kubernetes/cmd/kube-apiserver >&2
mv "$binary.new" "$binary"
echo "$binary"
