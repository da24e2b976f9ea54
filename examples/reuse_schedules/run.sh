#!/usr/bin/env bash
# Builds and runs the example with the compiler alone and as a Bazel workspace; both must print the same.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

scratch=$(mktemp -d)
# The second Bazel server has its own root, so that it can't disturb the caller's, and ends with this script.
trap 'bazel --output_user_root="$scratch/bazel" shutdown; chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT

g++ -std=c++20 -I../.. main.cc -o "$scratch/main" && "$scratch/main" >"$scratch/compiler.txt"
bazel --output_user_root="$scratch/bazel" run --symlink_prefix=/ --noshow_progress //:main >"$scratch/bazel.txt"

cat "$scratch/compiler.txt"
diff "$scratch/compiler.txt" "$scratch/bazel.txt"
