#!/usr/bin/env bash
# Lays out the relocatable package: package.sh OUT.tar.gz FILE...
#   bin/NAME          the file `launcher`, under each program's name
#   libexec/NAME      the programs (given as NAME.stripped)
#   lib/              libdraftp_cuda.so, if it was built
#   share/draftp/     the embedded model (files under testdata/tiny_sdxl), CLIP's tokenizers (clip/), NOTICE, licences
set -euo pipefail
out=$1
shift
launcher=
for file in "$@"; do [[ $(basename "$file") == launcher ]] && launcher=$file; done
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/draftp
mkdir -p "$root"/{bin,libexec,lib,share/draftp}
for file in "$@"; do
  case $file in
    *.stripped)
      name=$(basename "$file" .stripped)
      install -m 755 "$file" "$root/libexec/$name"
      install -m 755 "$launcher" "$root/bin/$name"
      ;;
    *.so) install -m 755 "$file" "$root/lib/" ;;
    "$launcher") ;;
    */dejavu/LICENSE) install -m 644 "$file" "$root/share/draftp/LICENSE.DejaVu" ;;
    */clip_vocabulary/LICENSE) install -m 644 "$file" "$root/share/draftp/LICENSE.open_clip" ;;
    */clip_vocabulary/clip/*) install -m 644 -D "$file" "$root/share/draftp/clip/${file#*/clip_vocabulary/clip/}" ;;
    */tiny_sdxl/*) install -m 644 -D "$file" "$root/share/draftp/tiny_sdxl/${file#*/tiny_sdxl/}" ;;
    *) install -m 644 "$file" "$root/share/draftp/" ;;
  esac
done
strip --strip-unneeded "$root"/lib/*.so 2>/dev/null || true
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$stage" -cf - draftp | gzip -n >"$out"
