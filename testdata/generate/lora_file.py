"""Golden LoRA file in diffusers' layout, written by diffusers itself.

Command:  python testdata/generate/lora_file.py testdata
Seed:     none: factors are the formula `hash_tensor` of PATH.lora_A and PATH.lora_B, in float32
Versions: diffusers 0.39.0, peft 0.21.2, safetensors 0.8.0 (the format has no room for them)

Writes testdata/goldens/lora_file.safetensors: an adapter of configs/unet_training, of mixed ranks and alphas, by
save_lora_weights.

The adapter's metadata are those fields of peft's LoraConfig that peft 0.10 has (what an older peft doesn't know, it
refuses); that the others are at their defaults is checked, and that diffusers reads the file back.
"""

import dataclasses
import pathlib
import shutil
import sys
import tempfile

import torch
from diffusers import StableDiffusionXLPipeline
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from peft.utils import get_peft_model_state_dict
from training import MICRO, micro_unet
from unet import hash_tensor

FIELDS = """alpha_pattern auto_mapping base_model_name_or_path bias fan_in_fan_out inference_mode init_lora_weights
layer_replication layers_pattern layers_to_transform loftq_config lora_alpha lora_dropout megatron_config megatron_core
modules_to_save peft_type r rank_pattern revision target_modules task_type use_dora use_rslora""".split()

MID, UP = "mid_block.attentions.0.transformer_blocks.0.", "up_blocks.0.attentions.1.transformer_blocks.0."
TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.2"]
RANK, ALPHA = 2, 3
RANKS = {MID + "attn1.to_q": 4, UP + "ff.net.2": 1}
ALPHAS = {MID + "attn2.to_k": 0.5, UP + "ff.net.2": 5}


def main(root):
    unet = micro_unet(MICRO)
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS, rank_pattern=RANKS, alpha_pattern=ALPHAS)
    unet.add_adapter(config)
    layers = {}
    for path, module in unet.named_modules():
        if isinstance(module, LoraLayer):
            for side in "AB":
                weight = getattr(module, f"lora_{side}")["default"].weight
                weight.data = hash_tensor(f"{path}.lora_{side}", *weight.shape).float()
            layers[path] = [RANKS.get(path, RANK), ALPHAS.get(path, ALPHA)]
            assert layers[path][0] == module.r["default"] and layers[path][1] == module.lora_alpha["default"], path
    whole = unet.peft_config["default"].to_dict()
    kept = {key: sorted(value) if isinstance(value, set) else value for key, value in whole.items() if key in FIELDS}
    assert sorted(kept) == sorted(FIELDS)
    default = {field.name: getattr(LoraConfig(), field.name) for field in dataclasses.fields(LoraConfig)}
    assert all(whole[key] == default[key] for key in whole if key not in FIELDS and key != "peft_version")
    with tempfile.TemporaryDirectory() as folder:
        StableDiffusionXLPipeline.save_lora_weights(
            folder, unet_lora_layers=get_peft_model_state_dict(unet), unet_lora_adapter_metadata=kept
        )
        back = micro_unet(MICRO)
        state, alphas, metadata = StableDiffusionXLPipeline.lora_state_dict(folder, return_lora_metadata=True)
        StableDiffusionXLPipeline.load_lora_into_unet(state, alphas, back, metadata=metadata)
        assert {p: [m.r["default_0"], m.lora_alpha["default_0"]] for p, m in back.named_modules()
                if isinstance(m, LoraLayer)} == layers
        shutil.copyfile(f"{folder}/pytorch_lora_weights.safetensors", root / "goldens" / "lora_file.safetensors")


if __name__ == "__main__":
    torch.manual_seed(0)
    main(pathlib.Path(sys.argv[1]))
