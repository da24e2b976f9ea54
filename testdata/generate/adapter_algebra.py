"""Golden weights of layers that adapters of each kind change: LyCORIS' own functions in float64.

Command:  python testdata/generate/adapter_algebra.py testdata
Seed:     none: weights and factors are the formula `hash_tensor` of CASE/NAME, scaled
Versions: recorded in the metadata of the file

Writes testdata/goldens/adapter_algebra.safetensors: of each CASE, CASE/weight, CASE/expected at strength 1, and the
layer's tensors as an adapter's file has them, CASE.lora_down.weight and so on, float32. alpha is 3.

What LyCORIS' functions have no word for is said here: ComfyUI's norm of the base weight (CASE/base_norm).
"""

import pathlib
import platform
import sys

import lycoris.functional as F
import numpy as np
import torch
from lycoris.functional import locon, loha, lokr
from safetensors.torch import save_file
from unet import hash_tensor

ALPHA = 3.0
LINEAR, CONV = (12, 8), (6, 4, 3, 3)


def factor(case, name, *shape):
    """Values that float32 holds, of a scale at which changes and weights are alike."""
    return (0.5 * hash_tensor(f"{case}/{name}", *shape)).float().double()


def main(root):
    tensors = {}

    def add(case, shape, names, diff, magnitude=None):
        weight = factor(case, "weight", *shape)
        parts = {name: factor(case, name, *size) for name, size in names.items()}
        changed = weight + diff(parts, weight).reshape(shape)
        if magnitude is not None:
            size, axis = magnitude
            scale = 1 + factor(case, "dora_scale", *size).abs()
            parts["dora_scale"] = scale
            over = [d for d in range(len(shape)) if d != axis]
            norm = torch.linalg.vector_norm(changed, dim=over, keepdim=True)
            if axis == 0:
                tensors[f"{case}/base_norm"] = changed / torch.linalg.vector_norm(weight, dim=over, keepdim=True) * scale
            else:
                expected = F.apply_dora_scale(weight, changed - weight, scale, 1.0)
                assert torch.allclose(expected, changed / norm * scale)
            changed = changed / norm * scale
        tensors[f"{case}/weight"], tensors[f"{case}/expected"] = weight, changed
        tensors[f"{case}.alpha"] = torch.tensor(ALPHA, dtype=torch.float64)
        for name, value in parts.items():
            tensors[f"{case}.{name}"] = value

    def lora(parts, weight):
        down, up = parts["lora_down.weight"], parts["lora_up.weight"]
        return locon.diff_weight(down, up, parts.get("lora_mid.weight"), gamma=ALPHA / down.shape[0])

    def hada(parts, weight):
        rank = parts["hada_w1_b"].shape[0]
        if "hada_t1" in parts:
            order = ["hada_w1_b", "hada_w1_a", "hada_w2_b", "hada_w2_a", "hada_t1", "hada_t2"]
            return loha.diff_weight(*[parts[name] for name in order], gamma=torch.tensor(ALPHA / rank))
        order = ["hada_w1_b", "hada_w1_a", "hada_w2_b", "hada_w2_a"]
        parts = [parts[name] for name in order]
        return loha.diff_weight(*parts, None, None, gamma=torch.tensor(ALPHA / rank))

    def kron(parts, weight):
        order = ["lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"]
        whole = "lokr_w1" in parts and "lokr_w2" in parts
        gamma = 1.0 if whole else ALPHA
        if "lokr_t2" in parts:  # the function takes the outputs for the rank, LyCORIS' module doesn't
            gamma *= parts["lokr_w2_a"].shape[1] / parts["lokr_w2_a"].shape[0]
        return lokr.diff_weight(*[parts.get(name) for name in order], gamma=gamma)

    pair = {"lora_down.weight": (2, 8), "lora_up.weight": (12, 2)}
    conv_pair = {"lora_down.weight": (2, 4, 3, 3), "lora_up.weight": (6, 2, 1, 1)}
    add("lora", LINEAR, pair, lora)
    add("lora_conv", CONV, conv_pair, lora)
    tucker = {"lora_down.weight": (2, 4, 1, 1), "lora_up.weight": (6, 2, 1, 1), "lora_mid.weight": (2, 2, 3, 3)}
    add("tucker", CONV, tucker, lora)
    names = {"hada_w1_a": (12, 2), "hada_w1_b": (2, 8), "hada_w2_a": (12, 2), "hada_w2_b": (2, 8)}
    add("loha", LINEAR, names, hada)
    names = {"hada_w1_a": (2, 6), "hada_w1_b": (2, 4), "hada_w2_a": (2, 6), "hada_w2_b": (2, 4)}
    add("loha_tucker", CONV, names | {"hada_t1": (2, 2, 3, 3), "hada_t2": (2, 2, 3, 3)}, hada)
    add("lokr_whole", LINEAR, {"lokr_w1": (3, 2), "lokr_w2": (4, 4)}, kron)
    add("lokr", LINEAR, {"lokr_w1": (3, 2), "lokr_w2_a": (4, 2), "lokr_w2_b": (2, 4)}, kron)
    both = {"lokr_w1_a": (3, 2), "lokr_w1_b": (2, 2), "lokr_w2_a": (4, 2), "lokr_w2_b": (2, 4)}
    add("lokr_both", LINEAR, both, kron)
    add("lokr_conv", CONV, {"lokr_w1": (2, 2), "lokr_w2_a": (3, 2), "lokr_w2_b": (2, 2, 3, 3)}, kron)
    names = {"lokr_w1": (2, 2), "lokr_w2_a": (2, 3), "lokr_w2_b": (2, 2), "lokr_t2": (2, 2, 3, 3)}
    add("lokr_tucker", CONV, names, kron)
    add("diff", LINEAR, {"diff": LINEAR}, lambda parts, weight: parts["diff"])
    add("dora_outputs", LINEAR, pair, lora, ((12, 1), 0))
    add("dora_inputs", LINEAR, pair, lora, ((1, 8), 1))
    add("dora_conv", CONV, conv_pair, lora, ((6, 1, 1, 1), 0))

    metadata = {
        "torch": torch.__version__,
        "lycoris_lora": "3.4.0",
        "numpy": np.__version__,
        "python": platform.python_version(),
        "generator": "testdata/generate/adapter_algebra.py",
    }
    tensors = {name: value.float().contiguous() for name, value in tensors.items()}
    save_file(tensors, pathlib.Path(root) / "goldens" / "adapter_algebra.safetensors", metadata)


if __name__ == "__main__":
    main(sys.argv[1])
