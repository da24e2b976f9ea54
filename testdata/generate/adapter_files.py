"""Adapters as other programs write them, and the weights that diffusers and peft make of them.

Command:  python testdata/generate/adapter_files.py testdata
Seed:     none: factors are the formula `hash_tensor` of their keys, scaled
Versions: recorded in the metadata of adapters/expected.safetensors

Writes testdata/adapters/ for the embedded model:
  peft/adapter_model.safetensors, adapter_config.json  peft's own folder: rank and alpha patterns, rsLoRA
  patterns.safetensors    patterns of layers as regular expressions in lora_adapter_metadata, ".lora.down"
  dora.safetensors        magnitudes in lora_adapter_metadata's use_dora
  kohya.safetensors       lora_unet_ with diffusers' blocks, lora_te1_, lora_te2_, alpha, float16
  text_encoders.safetensors  unet., text_encoder., text_encoder_2. with lora_linear_layer
  expected.safetensors    CASE/PART/PATH: W' v of each layer that changes, v = hash_tensor("v", inputs), float64
"""

import json
import pathlib
import platform
import sys

import diffusers
import peft
import torch
from diffusers import StableDiffusionXLPipeline
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from unet import hash_tensor

TARGETS = r".*mid_block.*transformer_blocks\.0\.(attn1\.to_q|attn1\.to_out\.0|attn2\.to_v)"
TEXT = r".*layers\.1\.(self_attn\.q_proj|mlp\.fc1)"
RANK_PATTERN = {r".*attn1\.(to_q|to_k)": 2}
ALPHA_PATTERN = {r".*attn1\..*": 6, r"to_v": 3}


def fill(module, case):
    for name, parameter in module.named_parameters():
        if "lora_A" in name or "lora_B" in name:
            value = 0.1 * hash_tensor(case + name.split("base_model.model.")[-1], *parameter.shape)
            parameter.data = value.half().to(parameter.dtype)
        if "lora_magnitude_vector" in name:
            more = 1 + 0.1 * hash_tensor(case + name, *parameter.shape)
            parameter.data = (parameter.data * more).half().to(parameter.dtype)


def pipeline(root):
    return StableDiffusionXLPipeline.from_pretrained(root / "tiny_sdxl", torch_dtype=torch.float64)


def record(expected, case, part, before, module):
    for name, weight in module.state_dict().items():
        name = name.replace(".base_layer", "")
        if not name.endswith(".weight") or "lora" in name or torch.equal(before[name], weight):
            continue
        flat = weight.double().flatten(1)
        expected[f"{case}/{part}/{name[:-7]}"] = flat @ hash_tensor("v", flat.shape[1])


def plain(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def tuned_unet(root, config, case):
    unet = get_peft_model(pipeline(root).unet, config)
    fill(unet, case)
    return unet


def main(root):
    folder, expected = root / "adapters", {}
    folder.mkdir(exist_ok=True)
    base = pipeline(root)
    before = {part: plain(getattr(base, part)) for part in ("unet", "text_encoder", "text_encoder_2")}

    def of_unet(case, **options):
        unet = tuned_unet(root, LoraConfig(lora_alpha=8, target_modules=TARGETS, **options), case)
        tensors = get_peft_model_state_dict(unet)
        return unet, {name: value.contiguous() for name, value in tensors.items()}

    unet, _ = of_unet("peft", r=4, rank_pattern=RANK_PATTERN, alpha_pattern=ALPHA_PATTERN, use_rslora=True)
    unet.float().save_pretrained(folder / "peft")
    (folder / "peft" / "README.md").unlink(missing_ok=True)
    record(expected, "peft", "unet", before["unet"], unet.double().merge_and_unload())

    for case, options in {
        "patterns": {"r": 4, "rank_pattern": RANK_PATTERN, "alpha_pattern": ALPHA_PATTERN},
        "dora": {"r": 4, "use_dora": True},
    }.items():
        unet, tensors = of_unet(case, **options)
        config = {
            f"unet.{key}": sorted(value) if isinstance(value, set) else value
            for key, value in unet.peft_config["default"].to_dict().items()
        }
        names = {".lora_A.weight": ".lora.down.weight", ".lora_B.weight": ".lora.up.weight"}
        renamed = {}
        for name, value in tensors.items():
            name = name.replace("base_model.model.", "unet.")
            for old, new in names.items():
                name = name.replace(old, new)
            renamed[name] = value.half()
        metadata = {"format": "pt", "lora_adapter_metadata": json.dumps(config, indent=2, sort_keys=False)}
        save_file(renamed, folder / f"{case}.safetensors", metadata)
        record(expected, case, "unet", before["unet"], unet.double().merge_and_unload())

    # Files with text encoders, made by their keys and read by diffusers.
    layers = {
        "unet": "mid_block.attentions.0.transformer_blocks.1.attn2.to_k",
        "text_encoder": "text_model.encoder.layers.1.self_attn.q_proj",
        "text_encoder_2": "text_model.encoder.layers.1.self_attn.v_proj",
    }
    kohya, middle = {}, {}
    for part, path in layers.items():
        front = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}[part]
        end = ".lora" if part == "unet" else ".lora_linear_layer"
        modules = dict(getattr(base, part).named_modules())
        shape = modules.get(path, modules.get(path.removeprefix("text_model."))).weight.shape
        down = (0.1 * hash_tensor(path + "down", 2, shape[1])).half()
        up = (0.1 * hash_tensor(path + "up", shape[0], 2)).half()
        stem = front + path.replace(".", "_")
        kohya |= {f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up}
        kohya[f"{stem}.alpha"] = torch.tensor(1.0).half()
        middle |= {f"{part}.{path}{end}.down.weight": down, f"{part}.{path}{end}.up.weight": up}
    save_file(kohya, folder / "kohya.safetensors")
    save_file(middle, folder / "text_encoders.safetensors")
    pipe = pipeline(root)
    pipe.load_lora_weights(load_file(folder / "text_encoders.safetensors"))
    pipe.fuse_lora(components=["unet", "text_encoder", "text_encoder_2"])
    pipe.unload_lora_weights()
    for part in before:
        record(expected, "text_encoders", part, before[part], getattr(pipe, part))
    # alpha is half the rank: half the change.
    for name in [name for name in expected if name.startswith("text_encoders/")]:
        _, part, path = name.split("/")
        weight = before[part][f"{path}.weight"].double()
        unchanged = weight.flatten(1) @ hash_tensor("v", weight.flatten(1).shape[1])
        expected[f"kohya/{part}/{path}"] = (unchanged + expected[name]) / 2
    assert all(any(key.startswith(f"kohya/{part}/") for key in expected) for part in before)

    metadata = {
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "peft": peft.__version__,
        "python": platform.python_version(),
        "generator": "testdata/generate/adapter_files.py",
    }
    save_file(expected, folder / "expected.safetensors", metadata)
    print(*sorted(expected), sep="\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
