#!/usr/bin/env bash
# Installs draftp into a temporary folder, builds the example against it and DRAFTP_LIBTORCH or the LibTorch that a Bazel
# build has fetched, and runs it. A later minor version must not be found.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
torch=${DRAFTP_LIBTORCH:-$(bash ../../third_party/libtorch/fetch.sh)}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cmake -S ../.. -B "$scratch/draftp" -DLIBTORCH="$torch" -DCMAKE_INSTALL_PREFIX="$scratch/prefix"
cmake --build "$scratch/draftp" --parallel 2
cmake --install "$scratch/draftp" >"$scratch/installed.txt"

cmake -S . -B "$scratch/build" -DLIBTORCH="$torch" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_BUILD_TYPE=Release
cmake --build "$scratch/build" --parallel 2
"$scratch/build/consumer"
"$scratch/build/names_and_files" ../../testdata/tiny_sdxl/lora/pytorch_lora_weights.safetensors

# The schedules alone, without LibTorch; and versions that don't fit.
mkdir "$scratch/schedule"
finds() {
  printf '%s\n' 'cmake_minimum_required(VERSION 3.21)' 'project(finds LANGUAGES CXX)' "find_package($1)" \
    >"$scratch/schedule/CMakeLists.txt"
  cmake -S "$scratch/schedule" -B "$scratch/schedule/build" -DCMAKE_PREFIX_PATH="$scratch/prefix" >"$scratch/finds.txt" 2>&1
}
finds "draftp 0.2 REQUIRED COMPONENTS schedule" || { cat "$scratch/finds.txt"; exit 1; }
for wrong in "draftp 0.3 REQUIRED" "draftp 0.1 REQUIRED" "draftp 0.2 REQUIRED COMPONENTS no_such_part" \
  "draftp 0.2 REQUIRED COMPONENTS sampling"; do
  if finds "$wrong"; then echo "find_package($wrong) found what isn't there"; exit 1; fi
done
