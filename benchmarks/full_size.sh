#!/usr/bin/env bash
# SDXL's structure at its full size with random weights on one GPU: the figures of benchmarks/RESULTS.md's table "Full size",
# beside diffusers in a CUDA graph, as rows of Markdown. Some ten minutes on a Hopper GPU.
#
#   benchmarks/full_size.sh BIN OUT [PART ...]
#
# BIN: folder of the package's programs. OUT: the model (13 GB, made once) and what is drawn. PART: sampling, training, memory,
# peer; all of them unless said. Needs python3 with torch; diffusers, transformers and peft for the peer.
set -euo pipefail
if [[ $# -lt 2 ]]; then
  sed -n 's/^# \{0,1\}//p' "${BASH_SOURCE[0]}" | head -9
  exit 2
fi
bin=$1 out=$2
shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$out"
if [[ ! -e $out/model/reward ]]; then
  rm -rf "$out/model"
  "$bin/convert" --init_random sdxl_base_1.0 --seed 7 --out "$out/model" --format hf --quiet
  python3 "$here/full_size/make_parts.py" "$out/model"
fi
for part in ${*:-sampling training memory peer}; do
  if [[ $part == peer ]]; then
    python3 "$here/full_size/peer.py" "$out/model"
  else
    python3 "$here/full_size/measure.py" "$part" "$bin" "$out"
  fi
done
