#!/usr/bin/env bash
# Builds and runs the example with CMake, against draftp installed into a temporary folder, and as a Bazel workspace; both
# must print the same. LibTorch is DRAFTP_LIBTORCH or the one that a Bazel build has fetched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
torch=${DRAFTP_LIBTORCH:-$(bash ../../third_party/libtorch/fetch.sh)}
lora=../../testdata/tiny_sdxl/lora/pytorch_lora_weights.safetensors

scratch=$(mktemp -d)
# The second Bazel server has its own root, so that it can't disturb the caller's, and ends with this script.
in_workspace() { bazel --output_user_root="$scratch/bazel" "$@"; }
trap 'in_workspace shutdown; chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT

cmake -S ../.. -B "$scratch/draftp" -DLIBTORCH="$torch" -DCMAKE_INSTALL_PREFIX="$scratch/prefix"
cmake --build "$scratch/draftp" --parallel 2
cmake --install "$scratch/draftp" >"$scratch/installed.txt"

cmake -S . -B "$scratch/build" -DLIBTORCH="$torch" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_BUILD_TYPE=Release
cmake --build "$scratch/build" --parallel 2
"$scratch/build/main" | tee "$scratch/cmake.txt"
"$scratch/build/names_and_files" "$lora"

# What find_package finds, and what it doesn't: the schedules need no LibTorch.
finds() {
  mkdir -p "$scratch/finds"
  printf '%s\n' 'cmake_minimum_required(VERSION 3.21)' 'project(finds LANGUAGES CXX)' "find_package($1)" \
    >"$scratch/finds/CMakeLists.txt"
  cmake -S "$scratch/finds" -B "$scratch/finds/build" -DCMAKE_PREFIX_PATH="$scratch/prefix" >"$scratch/finds.txt" 2>&1
}
finds "draftp 0.2 REQUIRED COMPONENTS schedule" || { cat "$scratch/finds.txt"; exit 1; }
for wrong in "draftp 0.3 REQUIRED" "draftp 0.1 REQUIRED" "draftp 0.2 REQUIRED COMPONENTS no_such_part" \
  "draftp 0.2 REQUIRED COMPONENTS sampling"; do
  if finds "$wrong"; then echo "find_package($wrong) found what isn't there"; exit 1; fi
done

in_workspace run --symlink_prefix=/ --noshow_progress //:main >"$scratch/bazel.txt"
diff "$scratch/cmake.txt" "$scratch/bazel.txt"
# Of the rest it is enough that its targets are found.
in_workspace build --symlink_prefix=/ --noshow_progress --nobuild //:names_and_files
