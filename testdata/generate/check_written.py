"""Loads what a training run has written in diffusers, and fails at the first warning.

Command:  python testdata/generate/check_written.py OUTPUT_DIR [BASE_MODEL]
          BASE_MODEL: a pipeline's folder, testdata/tiny_sdxl by default
Needs:    torch, diffusers, peft, transformers; float32 on the CPU

OUTPUT_DIR/pytorch_lora_weights.safetensors: StableDiffusionXLPipeline.load_lora_weights reads it; one forward of the UNet
must equal that of the base with alpha/r * B A added to its weights by hand, and differ from the base's.
OUTPUT_DIR/kohya_lora.safetensors: load_lora_weights reads it, and makes the same network of it.
OUTPUT_DIR/unet (or OUTPUT_DIR with a config.json): UNet2DConditionModel.from_pretrained reads it; no tensor may be missing
or left over, and one forward must equal that of a UNet of the base's config with the file's tensors.
diffusers' two remarks that an adapter of the UNet has none for the text encoders, which it makes of its own files too,
don't count. Prints a line for each; exit code 0 if all that is there is right, 1 otherwise or if there is neither.
"""

import json
import logging
import pathlib
import re
import sys
import warnings

import torch
from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel
from safetensors import safe_open
from safetensors.torch import load_file


class Warned(logging.Handler):
    """Collects what the libraries warn of, by logging or by warnings."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []
        warnings.showwarning = lambda message, *_: self.messages.append(str(message))
        warnings.simplefilter("always")
        for library in ("diffusers", "peft", "transformers"):
            logging.getLogger(library).addHandler(self)

    def emit(self, record):
        if not record.getMessage().startswith("No LoRA keys associated to CLIPText"):
            self.messages.append(record.getMessage())


@torch.no_grad()
def forward(unet):
    config, generator = unet.config, torch.Generator().manual_seed(0)
    size = config.sample_size
    draw = lambda *shape: torch.randn(*shape, generator=generator)
    added = {}
    if config.addition_embed_type == "text_time":
        pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
        ids = [8.0 * size, 8.0 * size, 0, 0, 8.0 * size, 8.0 * size]
        added = {"text_embeds": draw(2, pooled), "time_ids": torch.tensor([ids] * 2)}
    sample, context = draw(2, config.in_channels, size, size), draw(2, 77, config.cross_attention_dim)
    return unet(sample, torch.tensor([951, 12]), context, added_cond_kwargs=added).sample


def distance(a, b):
    return ((a - b).norm() / b.norm()).item()


def value_of(patterns, path, common):
    """As peft finds the rank or alpha of a layer."""
    return next((v for k, v in patterns.items() if re.match(rf"(.*\.)?({k})$", path)), common)


def merged_by_hand(base, file):
    """The base's UNet with the adapter's products in its weights."""
    unet = UNet2DConditionModel.from_pretrained(base / "unet", torch_dtype=torch.float32)
    with safe_open(file, "pt") as opened:
        config = json.loads(opened.metadata()["lora_adapter_metadata"])
    tensors, modules = load_file(file), dict(unet.named_modules())
    for key in [key for key in tensors if key.endswith(".lora_A.weight")]:
        path = key.removeprefix("unet.").removesuffix(".lora_A.weight")
        a, b = tensors[key], tensors[key.replace("lora_A", "lora_B")]
        assert a.dtype == b.dtype == torch.float32, key
        rank = value_of(config["unet.rank_pattern"], path, config["unet.r"])
        alpha = value_of(config["unet.alpha_pattern"], path, config["unet.lora_alpha"])
        assert rank == a.shape[0], (path, rank, a.shape)
        modules[path].weight.data += alpha / rank * (b.flatten(1) @ a.flatten(1)).reshape(modules[path].weight.shape)
    return unet, len(tensors) // 2


def check_lora(base, file):
    pipeline = StableDiffusionXLPipeline.from_pretrained(base, torch_dtype=torch.float32)
    plain = forward(pipeline.unet)
    pipeline.load_lora_weights(str(file.parent), weight_name=file.name)
    found = forward(pipeline.unet)
    merged, layers = merged_by_hand(base, file)
    error, change = distance(found, forward(merged)), distance(found, plain)
    print(f"{file}: {layers} layers, error {error:.1e}, changes the output by {change:.1e}")
    return error < 1e-5 and change > 0


def check_kohya(base, file):
    """The same adapter by kohya's names: what diffusers makes of both files is the same."""
    outputs = []
    for name in ("pytorch_lora_weights.safetensors", file.name):
        pipeline = StableDiffusionXLPipeline.from_pretrained(base, torch_dtype=torch.float32)
        pipeline.load_lora_weights(str(file.parent), weight_name=name)
        outputs.append(forward(pipeline.unet))
    error = distance(outputs[1], outputs[0])
    print(f"{file}: error {error:.1e} beside the other file")
    return error < 1e-5


def check_unet(base, folder):
    unet, info = UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.float32, output_loading_info=True)
    assert not any(info.values()), info
    other = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(base / "unet"))
    tensors = load_file(folder / "diffusion_pytorch_model.safetensors")
    other.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True)
    error = distance(forward(unet), forward(other.eval()))
    print(f"{folder}: {len(tensors)} tensors, error {error:.1e}")
    return error < 1e-6


def main(output, base="testdata/tiny_sdxl"):
    output, base, warned, good = pathlib.Path(output), pathlib.Path(base), Warned(), []
    if (output / "pytorch_lora_weights.safetensors").exists():
        good.append(check_lora(base, output / "pytorch_lora_weights.safetensors"))
    if (output / "kohya_lora.safetensors").exists():
        good.append(check_kohya(base, output / "kohya_lora.safetensors"))
    for folder in (output, output / "unet"):
        if (folder / "config.json").exists():
            good.append(check_unet(base, folder))
    for message in warned.messages:
        print("warning:", message)
    if not good:
        print(f"{output}: found neither pytorch_lora_weights.safetensors nor a UNet")
    return 0 if good and all(good) and not warned.messages else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
