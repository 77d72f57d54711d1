#!/bin/sh
# Builds the image of mlops-server from a wheel:  deploy/container/build.sh WHEEL ONNXRUNTIME_WHEEL IMAGE [buildah build options]
# With podman or docker instead: put both wheels into a folder and `build -f deploy/container/Containerfile FOLDER`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 3 ] || { sed -n 2p "$0" >&2; exit 2; }
wheel=$1 runtime=$2 image=$3
shift 3
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "$wheel" "$runtime" "$context/"
# shellcheck disable=SC2086 # words on purpose
${BUILDAH:-buildah} build "$@" --file "$here/Containerfile" --tag "$image" "$context"
