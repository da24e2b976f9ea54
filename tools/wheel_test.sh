#!/usr/bin/env bash
# A wheel of a package whose program is a script: same bytes twice, a record of each file, and a command that finds torch
# beside it without importing it.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "wheel_test: $*" >&2; exit 1; }

package=$scratch/draftp
mkdir -p "$package"/{bin,libexec,share/draftp}
install -m 755 tools/launcher "$package/bin/anneal"
printf '#!/bin/sh\necho "$LD_LIBRARY_PATH"\nprintf "%%s|" "$@"\n' >"$package/libexec/anneal"
cp /bin/true "$package/libexec/true" # an ELF file, of which the platform is read
chmod 755 "$package"/libexec/*
touch "$package"/share/draftp/{LICENSE,NOTICE}
tar czf "$scratch/draftp.tar.gz" -C "$scratch" draftp

for folder in one two; do
  mkdir "$scratch/$folder"
  python3 tools/wheel.py "$scratch/draftp.tar.gz" tools/wheel_programs.py draftp/version.h "$scratch/$folder"
done
wheel=$(basename "$scratch"/one/*)
[[ $wheel =~ ^draftp-0\.[0-9]+\.[0-9]+-py3-none-manylinux_2_[0-9]+_$(uname -m)\.whl$ ]] || fail "named $wheel"
cmp "$scratch/one/$wheel" "$scratch/two/$wheel"

python3 - "$scratch/one/$wheel" <<'CHECK'
import base64, csv, hashlib, io, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
name, = (n for n in wheel.namelist() if n.endswith(".dist-info/RECORD"))
rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(wheel.read(name).decode()))}
assert set(rows) == set(wheel.namelist()), set(rows) ^ set(wheel.namelist())
assert rows.pop(name) == ["", ""]
for path, (digest, size) in rows.items():
    content = wheel.read(path)
    expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    assert (digest, size) == ("sha256=" + expected, str(len(content))), path
metadata = wheel.read(name.replace("RECORD", "METADATA")).decode()
assert [line for line in metadata.splitlines() if line.startswith("Requires-Dist")] == ["Requires-Dist: torch==2.11.*"]
CHECK

# An environment of its own, by the pip outside it: Debian's python3-venv isn't needed.
python3 -m venv --without-pip "$scratch/venv"
python3 -m pip --python "$scratch/venv/bin/python3" install --quiet --no-index --no-deps --disable-pip-version-check \
  --root-user-action=ignore "$scratch/one/$wheel"
site=$(echo "$scratch"/venv/lib/python3*/site-packages)
anneal=$scratch/venv/bin/draftp-anneal
without=$("$anneal" 2>&1) && fail "ran without torch"
[[ $without == *"has no torch; run"* ]] || fail "draftp-anneal printed $without"
mkdir -p "$site/torch/lib"
touch "$site/torch/lib/libtorch_cpu.so"
echo 'raise SystemExit("torch was imported")' >"$site/torch/__init__.py"
found=$("$anneal" a "b  c") || fail "draftp-anneal: $found"
[[ $found == "$site/torch/lib"$'\n''a|b  c|' ]] || fail "draftp-anneal printed $found"
elsewhere=$(DRAFTP_LIBTORCH=/nowhere "$anneal" 2>&1) && fail "ran with the torch of nowhere"
[[ $elsewhere == *"LibTorch 2.11 not found in /nowhere"* ]] || fail "draftp-anneal printed $elsewhere"
