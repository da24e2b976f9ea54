#!/usr/bin/env bash
# Builds the example as a Bazel workspace and with CMake, against draftp installed into a temporary folder, and runs both,
# which must print the same: the reward before and after of both models. Exit code 1 unless both rose. LibTorch is
# DRAFTP_LIBTORCH or the one that a Bazel build has fetched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
torch=${DRAFTP_LIBTORCH:-$(bash ../../third_party/libtorch/fetch.sh)}

scratch=$(mktemp -d)
# The second Bazel server has its own root, so that it can't disturb the caller's, and ends with this script.
in_workspace() { bazel --output_user_root="$scratch/bazel" "$@"; }
trap 'in_workspace shutdown; chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT

in_workspace run --symlink_prefix=/ --noshow_progress //:finetune >"$scratch/bazel.txt"

cmake -S ../.. -B "$scratch/draftp" -DLIBTORCH="$torch" -DCMAKE_INSTALL_PREFIX="$scratch/prefix" \
  -DDRAFTP_COMPONENTS="schedule;sampling;adapter;objective"
cmake --build "$scratch/draftp" --parallel 2
cmake --install "$scratch/draftp" >"$scratch/installed.txt"
cmake -S . -B "$scratch/build" -DLIBTORCH="$torch" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_BUILD_TYPE=Release
cmake --build "$scratch/build" --parallel 2
"$scratch/build/finetune" >"$scratch/cmake.txt"
diff "$scratch/cmake.txt" "$scratch/bazel.txt"
cat "$scratch/cmake.txt"
