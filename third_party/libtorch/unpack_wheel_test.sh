#!/usr/bin/env bash
# Of a wheel the libraries, headers and licences are unpacked, silently whatever it lacks.
set -euo pipefail
unpack=$PWD/third_party/libtorch/unpack_wheel.py
cd "$TEST_TMPDIR"
python3 - <<'EOF'
import zipfile
with zipfile.ZipFile("torch.whl", "w") as wheel:
    for name in ("torch/lib/libc10.so", "torch/lib/libtorch_python.so", "torch/include/ATen/core/Tensor.h",
                 "torch/nn/functional.py", "torch-2.11.0.dist-info/licenses/LICENSE", "torch-2.11.0.dist-info/RECORD"):
        wheel.writestr(name, name)
with zipfile.ZipFile("cuda.whl", "w") as wheel:
    wheel.writestr("nvidia/cu13/lib/libcudart.so.13", "x")
EOF
for wheel in torch cuda; do
  said=$(python3 "$unpack" "$wheel.whl" tree 2>&1)
  [[ -z $said ]] || { echo "$wheel: said '$said', expected nothing"; exit 1; }
done
found=$(find tree -type f | LC_ALL=C sort | tr '\n' ' ')
expected="tree/nvidia/cu13/lib/libcudart.so.13 tree/torch-2.11.0.dist-info/licenses/LICENSE \
tree/torch/include/ATen/core/Tensor.h tree/torch/lib/libc10.so "
[[ $found == "$expected" ]] || { echo "found $found, expected $expected"; exit 1; }
