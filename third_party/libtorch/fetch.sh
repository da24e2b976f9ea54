#!/usr/bin/env bash
# Puts LibTorch into the user's cache once and prints its folder, as the last line, on standard output.
#
# The wheels are pinned by version and sha256 (requirements.txt; requirements_gpu.txt adds CUDA's
# run-time libraries when this machine has a GPU, or DRAFTP_GPU=1). Of torch's 530 MB wheel the shared
# libraries and headers are kept. The folder appears by one rename, so an interrupted download leaves
# nothing that a later run would take for whole.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
gpu=${DRAFTP_GPU:-$([[ -e /dev/nvidiactl ]] && echo 1 || echo 0)}
requirements=("$here/requirements.txt")
[[ $gpu == 1 ]] && requirements+=("$here/requirements_gpu.txt")
key=$(cat "${requirements[@]}" "${BASH_SOURCE[0]}" "$here/unpack_wheel.py" | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set: set XDG_CACHE_HOME or DRAFTP_LIBTORCH}/.cache}/draftp
final=$cache/libtorch-2.11.0-$key

say() { echo "libtorch: $*" >&2; }

[[ $cache == /* ]] || { say "XDG_CACHE_HOME or HOME: found a relative path, expected an absolute one"; exit 1; }
cd /  # python3 -m looks for modules in the folder in which it is started
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [[ ! -d $final ]]; then
  part=$cache/.part.$$
  trap 'rm -rf "$part"' EXIT
  mkdir -p "$part/wheels" "$part/tree"
  arguments=()
  for file in "${requirements[@]}"; do arguments+=(-r "$file"); done
  say "downloading the pinned wheels (0.5 GB; with CUDA's libraries 2.3 GB) into $cache"
  python3 -m pip download --quiet --no-deps --require-hashes --only-binary=:all: --timeout 60 --retries 10 \
    --no-cache-dir --disable-pip-version-check \
    --python-version 3.11 --implementation cp --abi cp311 --abi none \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_25_x86_64 \
    --platform manylinux_2_18_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --platform manylinux_2_12_x86_64 --platform manylinux_2_5_x86_64 \
    --dest "$part/wheels" "${arguments[@]}" 1>&2 &
  pip=$!
  while kill -0 "$pip" 2>/dev/null; do
    sleep 2
    # pip writes each wheel to its temporary folder first, so what has arrived is read off the process.
    received=$(awk '/^rchar/ {printf "%d", $2 / 1e6}' "/proc/$pip/io" 2>/dev/null || true)
    [[ -n $received ]] && say "$received MB received"
  done
  wait "$pip" || { say "pip could not download the wheels"; exit 1; }
  for wheel in "$part"/wheels/*.whl; do
    say "unpacking $(basename "$wheel")"
    python3 "$here/unpack_wheel.py" "$wheel" "$part/tree"
    rm "$wheel"
  done
  mv "$part/tree" "$final"
  say "kept in $final ($(du -sh "$final" | cut -f1))"
fi
echo "$final/torch"
