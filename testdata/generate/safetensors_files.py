"""Golden of the safetensors room: one file with every dtype, by the reference implementation.

  python testdata/generate/safetensors_files.py            writes testdata/goldens/safetensors_all_dtypes.safetensors
  python testdata/generate/safetensors_files.py --check F  loads F by the reference reader and prints what it holds

Deterministic, no seed. Made with safetensors 0.8.0, torch 2.11.0, numpy 2.
The metadata holds one key, since the reference writes several in an order that changes from run to run.
"""

import os
import sys

# The file's name is that of the package that it needs.
sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]

import torch  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "goldens", "safetensors_all_dtypes.safetensors")


def ramp(dtype, count):
    """-2, -1.5, -1, ...: exact in every floating-point dtype here."""
    return (torch.arange(count, dtype=torch.float64) / 2 - 2).to(dtype)


def tensors():
    integers = {
        "i8": torch.int8,
        "i16": torch.int16,
        "i32": torch.int32,
        "i64": torch.int64,
    }
    floats = {
        "f64": torch.float64,
        "f32": torch.float32,
        "f16": torch.float16,
        "bf16": torch.bfloat16,
        "f8_e4m3": torch.float8_e4m3fn,
        "f8_e5m2": torch.float8_e5m2,
    }
    out = {name: ramp(dtype, 15).reshape(3, 5) for name, dtype in floats.items()}
    out |= {name: torch.arange(-3, 4, dtype=dtype) for name, dtype in integers.items()}
    out["u8"] = torch.arange(250, 256, dtype=torch.uint8)
    out["u16"] = torch.tensor([0, 65535]).to(torch.uint16)
    out["u32"] = torch.tensor([0, 2**32 - 1]).to(torch.uint32)
    out["u64"] = torch.tensor([0, 7]).to(torch.uint64)
    out["bool"] = torch.tensor([True, False, True])
    out["scalar"] = torch.tensor(0.25)
    out["empty"] = torch.zeros(0, 4)
    out['odd "name"\\\n\té漢\x01\x7f'] = torch.ones(1, 1)
    return out


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        with safe_open(sys.argv[2], "pt") as file:
            print(file.metadata())
            for name in file.keys():
                tensor = file.get_tensor(name)
                print(repr(name), tensor.dtype, tuple(tensor.shape))
        return
    save_file(tensors(), OUT, metadata={"made with": "safetensors 0.8.0, torch 2.11.0"})


if __name__ == "__main__":
    main()
