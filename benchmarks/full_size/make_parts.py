"""make_parts.py MODEL: beside a full-size SDXL folder, what people have with it: MODEL/lora, a LoRA of rank 32 on all attention
projections whose B isn't zero, and MODEL/reward, a CLIP-H reward in PickScore's layout, both of random weights."""

import json
import os
import shutil
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

RANK, SPREAD_OF_B = 32, 0.02
TEXT = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
        "projection_dim": 1024, "hidden_act": "gelu"}
VISION = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16,
          "patch_size": 14, "image_size": 224, "projection_dim": 1024, "hidden_act": "gelu"}
PROJECTIONS = ("to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight")


def layer(prefix, width, inner):
    """Shapes of a transformer layer of CLIP, by transformers' names."""
    shapes = {}
    for name, out, size in [(f"self_attn.{p}_proj", width, width) for p in "qkv"] + [
            ("self_attn.out_proj", width, width), ("mlp.fc1", inner, width), ("mlp.fc2", width, inner)]:
        shapes |= {f"{prefix}.{name}.weight": (out, size), f"{prefix}.{name}.bias": (out,)}
    for norm in ("layer_norm1", "layer_norm2"):
        shapes |= {f"{prefix}.{norm}.weight": (width,), f"{prefix}.{norm}.bias": (width,)}
    return shapes


def clip_shapes():
    text, vision = TEXT["hidden_size"], VISION["hidden_size"]
    tokens = (VISION["image_size"] // VISION["patch_size"])**2 + 1
    shapes = {"logit_scale": (), "text_projection.weight": (1024, text), "visual_projection.weight": (1024, vision),
              "text_model.embeddings.token_embedding.weight": (49408, text),
              "text_model.embeddings.position_embedding.weight": (77, text),
              "vision_model.embeddings.class_embedding": (vision,),
              "vision_model.embeddings.patch_embedding.weight": (vision, 3, VISION["patch_size"], VISION["patch_size"]),
              "vision_model.embeddings.position_embedding.weight": (tokens, vision)}
    for norm, width in (("text_model.final_layer_norm", text), ("vision_model.pre_layrnorm", vision),
                        ("vision_model.post_layernorm", vision)):
        shapes |= {f"{norm}.weight": (width,), f"{norm}.bias": (width,)}
    for tower, config in (("text_model", TEXT), ("vision_model", VISION)):
        for i in range(config["num_hidden_layers"]):
            shapes |= layer(f"{tower}.encoder.layers.{i}", config["hidden_size"], config["intermediate_size"])
    return shapes


def random(shape, generator, name):
    if "norm" in name:
        return torch.ones(shape) if name.endswith("weight") else torch.zeros(shape)
    if name == "logit_scale":
        return torch.tensor(2.6592)
    fan = max(1, torch.Size(shape[1:]).numel())
    return torch.randn(shape, generator=generator) / (fan**0.5 if len(shape) > 1 else 100)


def write_reward(model, generator):
    folder = os.path.join(model, "reward.part")
    os.makedirs(folder, exist_ok=True)
    save_file({name: random(shape, generator, name) for name, shape in clip_shapes().items()},
              os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump({"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 1024,
                   "text_config": TEXT, "vision_config": VISION}, file)
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(os.path.join(model, "tokenizer", name), folder)
    shutil.rmtree(os.path.join(model, "reward"), ignore_errors=True)
    os.rename(folder, os.path.join(model, "reward"))


def write_lora(model, generator):
    unet = os.path.join(model, "unet")
    tensors = {}
    for file in sorted(f for f in os.listdir(unet) if f.endswith(".safetensors")):
        with safe_open(os.path.join(unet, file), framework="pt") as weights:
            for name in weights.keys():
                if ".attn" not in name or not name.endswith(PROJECTIONS):
                    continue
                out, size = weights.get_slice(name).get_shape()
                base = "unet." + name.removesuffix(".weight")
                tensors[base + ".lora_A.weight"] = (torch.randn(RANK, size, generator=generator) / size**0.5).half()
                tensors[base + ".lora_B.weight"] = (torch.randn(out, RANK, generator=generator) * SPREAD_OF_B).half()
    os.makedirs(os.path.join(model, "lora"), exist_ok=True)
    save_file(tensors, os.path.join(model, "lora", "pytorch_lora_weights.safetensors"), metadata={"format": "pt"})


def main(model):
    generator = torch.Generator().manual_seed(3)
    write_lora(model, generator)
    write_reward(model, generator)


main(sys.argv[1])
