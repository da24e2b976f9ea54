#!/usr/bin/env bash
# fetch_wheel.sh FOLDER: puts the wheels that third_party/FOLDER/requirements.txt pins into the user's cache once, and prints
# where they are unpacked.
set -euo pipefail
requirements=$(dirname "$(realpath "${BASH_SOURCE[0]}")")/$1/requirements.txt
cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set: set XDG_CACHE_HOME}/.cache}/draftp
folder=$cache/${1//_/-}-$(sha256sum "$requirements" | cut -c1-12)
if [[ ! -d $folder ]]; then
  mkdir -p "$cache"
  part=$(mktemp -d "$cache/.wheel.XXXXXX")
  trap 'rm -rf "$part"' EXIT
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes --only-binary=:all: \
    --target "$part/wheel" -r "$requirements" >&2
  mv -T "$part/wheel" "$folder" 2>/dev/null || [[ -d $folder ]] # another run was faster
fi
echo "$folder"
