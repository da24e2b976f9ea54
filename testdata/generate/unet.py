"""Golden outputs and gradients of UNets: diffusers + peft in float64.

Command:  OMP_NUM_THREADS=1 python testdata/generate/unet.py testdata
Seed:     none: weights and inputs are the formula `hash_tensor` of their names (C++: draftp/testing/hash_tensor.h)
Versions: recorded in the metadata of each file

Writes, under testdata/:
  configs/unet_{conv_projection,deep,v_prediction,mid_resnet,no_mid}/config.json  small UNets of the SDXL family; no weights
  goldens/unet_<config>.safetensors  output, gradient of sum(out * r) by the sample, output at an odd size
  goldens/unet_tiny.safetensors      the embedded model: each block alone, the whole, with an adapter, gradients
  goldens/unet_lora.safetensors      that adapter in diffusers' own file format: mixed ranks and alphas, B not zero
"""

import json
import pathlib
import platform
import shutil
import sys
import tempfile

import diffusers
import numpy as np
import peft
import torch
from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

VERSIONS = {
    "torch": torch.__version__,
    "diffusers": diffusers.__version__,
    "peft": peft.__version__,
    "python": platform.python_version(),
    "generator": "testdata/generate/unet.py",
}

COMMON = {
    "_class_name": "UNet2DConditionModel",
    "_diffusers_version": diffusers.__version__,
    "sample_size": 8,
}
CONFIGS = {
    # Projections as 1x1 convolutions, heads of 8, time that scales and shifts.
    "conv_projection": COMMON
    | {
        "block_out_channels": [32, 64],
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        "layers_per_block": 1,
        "attention_head_dim": [4, 8],
        "cross_attention_dim": 24,
        "use_linear_projection": False,
        "norm_num_groups": 16,
        "resnet_time_scale_shift": "scale_shift",
        "mid_block_scale_factor": 1.5,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 20 + 6 * 8,
    },
    # Other depths at every level and in both directions, one level without attention among pixels.
    "deep": COMMON
    | {
        "block_out_channels": [16, 32, 48],
        "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "layers_per_block": [1, 2, 1],
        "transformer_layers_per_block": [1, [2, 1], 3],
        "reverse_transformer_layers_per_block": [2, [1, 2, 1], 1],
        "attention_head_dim": [2, 4, 3],
        "only_cross_attention": [False, True, False],
        "cross_attention_dim": 20,
        "use_linear_projection": True,
        "norm_num_groups": 8,
        "flip_sin_to_cos": False,
        "freq_shift": 1,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 6,
        "projection_class_embeddings_input_dim": 10 + 5 * 6,
    },
    # Four levels, some without attention, no text_time, three heads everywhere, other kernels and widths.
    "v_prediction": COMMON
    | {
        "in_channels": 5,
        "out_channels": 3,
        "block_out_channels": [24, 36, 36, 48],
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"],
        "layers_per_block": 1,
        "attention_head_dim": 3,
        "cross_attention_dim": 16,
        "use_linear_projection": True,
        "norm_num_groups": 12,
        "norm_eps": 1e-3,
        "conv_in_kernel": 5,
        "conv_out_kernel": 1,
        "center_input_sample": True,
        "time_embedding_dim": 40,
        "addition_embed_type": None,
    },
}
# Mid blocks without attention, and none; depths of levels that have no attention, and dropout, which count for nothing.
MID = COMMON | {
    "block_out_channels": [16, 32],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    "layers_per_block": 1,
    "transformer_layers_per_block": [0, 2],
    "attention_head_dim": [2, 4],
    "cross_attention_dim": 16,
    "use_linear_projection": True,
    "norm_num_groups": 8,
    "dropout": 0.1,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 20 + 6 * 8,
}
CONFIGS["mid_resnet"] = MID | {"mid_block_type": "UNetMidBlock2D", "mid_block_scale_factor": 1.5}
CONFIGS["no_mid"] = MID | {"mid_block_type": None}


def hash_tensor(name, *shape):
    """Uniform numbers of mean 0 and variance 1: SplitMix64's finaliser of FNV-1a(name) + index."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    unit = (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return torch.from_numpy((2 * unit - 1) * np.sqrt(3.0)).reshape(shape)


def formula_weight(name, parameter, is_norm):
    """Outputs of unit scale; queries and keys somewhat larger, so that attention isn't uniform."""
    values = hash_tensor(name, *parameter.shape)
    if is_norm and name.endswith(".weight"):
        return 1 + 0.2 * values
    if name.endswith(".bias"):
        return 0.1 * values
    gain = 1.5 if ".to_q." in name or ".to_k." in name else 1.0
    return gain * values / np.sqrt(np.prod(parameter.shape[1:]))


def fill(unet):
    for path, module in unet.named_modules():
        is_norm = isinstance(module, (torch.nn.GroupNorm, torch.nn.LayerNorm))
        for leaf, parameter in module.named_parameters(recurse=False):
            parameter.data = formula_weight(f"{path}.{leaf}", parameter, is_norm)
    return unet.double().eval().requires_grad_(False)


def inputs(config, rows, height, width):
    context = hash_tensor("context", rows, 7, config["cross_attention_dim"])
    sample = hash_tensor("sample", rows, config.get("in_channels", 4), height, width)
    added = {}
    if config.get("addition_embed_type") == "text_time":
        ids = 5 if config["addition_time_embed_dim"] == 6 else 6
        pooled = config["projection_class_embeddings_input_dim"] - ids * config["addition_time_embed_dim"]
        added = {
            "text_embeds": hash_tensor("pooled", rows, pooled),
            "time_ids": (100 * hash_tensor("time_ids", rows, ids)).round(),
        }
    return sample, context, added


def times(rows):
    return torch.tensor([951.0, 12.0, 400.0, 0.0], dtype=torch.float64)[:rows]


def run(unet, config, rows, height, width, time=None, sample=None):
    default_sample, context, added = inputs(config, rows, height, width)
    sample = default_sample if sample is None else sample
    return unet(sample, times(rows) if time is None else time, context, added_cond_kwargs=added).sample


def objective(out):
    return (out * hash_tensor("objective", *out.shape)).sum()


def small_configs(root):
    for name, config in CONFIGS.items():
        folder = root / "configs" / f"unet_{name}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        with torch.device("meta"):
            unet = UNet2DConditionModel.from_config(config)
        unet = fill(unet.to_empty(device="cpu"))
        goldens = {}
        sample = inputs(config, 2, 8, 8)[0].requires_grad_()
        out = run(unet, config, 2, 8, 8, sample=sample)
        goldens["output"] = out.detach()
        (goldens["sample_gradient"],) = torch.autograd.grad(objective(out), sample)
        goldens["odd_output"] = run(unet, config, 1, 10, 7)
        print(name, "output std", out.std().item(), "parameters", sum(p.numel() for p in unet.parameters()))
        if name == "conv_projection":
            goldens |= convolution_adapters(unet, config)
        write(root / "goldens" / f"unet_{name}.safetensors", goldens)


def factors(path, layer):
    """Factors of the adapter of one layer, as halves so that a float16 file holds them."""
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    a.data = (hash_tensor(path + ".lora_A", *a.shape) / np.sqrt(np.prod(a.shape[1:]))).half().double()
    b.data = (0.5 * hash_tensor(path + ".lora_B", *b.shape) / np.sqrt(b.shape[1])).half().double()


def adapted(unet, **options):
    unet.add_adapter(LoraConfig(lora_dropout=0.0, **options))
    unet.double()
    for path, module in unet.named_modules():
        if isinstance(module, LoraLayer):
            factors(path, module)
    return unet


CONVOLUTION_TARGETS = ["conv_in", "proj_in", "conv1", "conv_shortcut", "downsamplers.0.conv", "time_emb_proj"]


def convolution_adapters(unet, config):
    unet = adapted(unet, r=3, lora_alpha=6, target_modules=CONVOLUTION_TARGETS)
    return {"convolution_lora_output": run(unet, config, 2, 8, 8).detach()}


# Ranks and alphas differ by layer, both under short and under full names, as peft's patterns allow.
TINY_LORA = {
    "r": 2,
    "lora_alpha": 3,
    "target_modules": ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"],
    "rank_pattern": {"to_k": 1, "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q": 4, "ff.net.2": 3},
    "alpha_pattern": {"to_v": 5, "ff.net.0.proj": 1, "mid_block.attentions.0.transformer_blocks.0.attn2.to_k": 0.5},
}
GRADIENT_LAYERS = [
    "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
    "mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
    "up_blocks.0.attentions.2.transformer_blocks.1.ff.net.0.proj",
    "up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_out.0",
]


def blocks(unet, config):
    """Each block alone, on formula inputs: 8 pixels a side at the top."""
    goldens = {}
    rows, time_dim, context = 2, 4 * config["block_out_channels"][0], inputs(config, 2, 8, 8)[1]
    time = hash_tensor("block_time", rows, time_dim)
    for i, block in enumerate(unet.down_blocks):
        name, side = f"down_blocks.{i}", 8 >> i
        x = hash_tensor(name, rows, block.resnets[0].in_channels, side, side)
        out, skips = block(x, time, **({"encoder_hidden_states": context} if hasattr(block, "attentions") else {}))
        goldens[name] = out
        for j, skip in enumerate(skips[:-1]):
            goldens[f"{name}.mean_of_skip.{j}"] = skip.mean(dim=(2, 3))
    x = hash_tensor("mid_block", rows, config["block_out_channels"][-1], 2, 2)
    goldens["mid_block"] = unet.mid_block(x, time, encoder_hidden_states=context)
    down = config["block_out_channels"]
    for i, block in enumerate(unet.up_blocks):
        name, level = f"up_blocks.{i}", len(down) - 1 - i
        side = 8 >> level
        below = down[min(level + 1, len(down) - 1)]
        x = hash_tensor(name, rows, below, side, side)
        widths = [below if j == 0 else down[level] for j in range(len(block.resnets))]
        skips = tuple(
            hash_tensor(f"{name}.skip.{j}", rows, resnet.in_channels - width, side, side)
            for j, (resnet, width) in enumerate(zip(block.resnets, widths))
        )
        more = {"encoder_hidden_states": context} if hasattr(block, "attentions") else {}
        goldens[name] = block(x, skips[::-1], time, **more)
    return goldens


def tiny(root):
    folder = root / "tiny_sdxl" / "unet"
    config = json.loads((folder / "config.json").read_text())
    unet = UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.float64).eval().requires_grad_(False)
    with torch.no_grad():
        goldens = blocks(unet, config)
        goldens["output"] = run(unet, config, 4, 8, 8)
        goldens["output_of_one_time"] = run(unet, config, 2, 8, 8, time=torch.tensor(731.0, dtype=torch.float64))
    unet = adapted(unet, **TINY_LORA)
    sample = inputs(config, 4, 8, 8)[0].requires_grad_()
    out = run(unet, config, 4, 8, 8, sample=sample)
    goldens["lora_output"] = out.detach()
    layers = dict(unet.named_modules())
    wanted = {"lora_gradient.sample": sample}
    for path in GRADIENT_LAYERS:
        for side in "AB":
            wanted[f"lora_gradient.{path}.lora_{side}"] = getattr(layers[path], f"lora_{side}")["default"].weight
    goldens |= dict(zip(wanted, torch.autograd.grad(objective(out), list(wanted.values()))))
    print("tiny output std", goldens["output"].std().item(), "lora changes it by",
          ((out - goldens["output"]).norm() / out.norm()).item())
    write(root / "goldens" / "unet_tiny.safetensors", goldens)
    with tempfile.TemporaryDirectory() as temporary:
        state = {key: value.half() for key, value in get_peft_model_state_dict(unet).items()}
        metadata = unet.peft_config["default"].to_dict()
        metadata["target_modules"] = sorted(metadata["target_modules"])  # a set, whose order is of the run
        StableDiffusionXLPipeline.save_lora_weights(
            temporary, unet_lora_layers=state, unet_lora_adapter_metadata=metadata
        )
        shutil.copy(f"{temporary}/pytorch_lora_weights.safetensors", root / "goldens" / "unet_lora.safetensors")


def write(path, tensors):
    tensors = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    # One key: the writer puts several into an order of the run.
    save_file(tensors, path, metadata={"versions": json.dumps(VERSIONS, sort_keys=True)})
    print(path.name, path.stat().st_size)


if __name__ == "__main__":
    torch.manual_seed(0)
    small_configs(pathlib.Path(sys.argv[1]))
    tiny(pathlib.Path(sys.argv[1]))
