#!/usr/bin/env bash
# Configures, builds and runs the example against DRAFTP_LIBTORCH or the LibTorch that a Bazel build has fetched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
torch=${DRAFTP_LIBTORCH:-$(bash ../../third_party/libtorch/fetch.sh)}
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cmake -S . -B "$build" -DLIBTORCH="$torch" -DCMAKE_BUILD_TYPE=Release
cmake --build "$build" --parallel 2
"$build/consumer"
