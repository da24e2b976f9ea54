"""Golden annealed images: diffusers + peft networks under k-diffusion's samplers, in float64.

Command:  python testdata/generate/anneal.py testdata
Seed:     1243 (per_image noise: image g starts from torch.Generator().manual_seed(1243 + g))
Versions: recorded in the metadata of testdata/goldens/anneal.safetensors

Draws the first two validation prompts with every weight type of the original, the samplers euler,
heun and dpmpp_2m and both discretisations (10 steps, guidance 5), as docs state the contract: sigma snapped
to the 1000-entry table, guidance on D, all evaluations inside a step mixed with the step's own weight.
Writes the final latents (float64) and, per sampler and discretisation, one PNG grid: a row per
prompt, a column per weight type, pixels truncated to uint8.
"""

import platform
import sys

import diffusers
import k_diffusion_sampling
import numpy as np
import peft
import torch
import transformers
from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

STEPS, SCALE, SEED, IMAGES = 10, 5.0, 1243, 2
WEIGHT_TYPES = ["base", "draft", "linear", "power_2", "power_4", "step_0.6"]
SAMPLERS = {
    "euler": k_diffusion_sampling.sample_euler,
    "heun": k_diffusion_sampling.sample_heun,
    "dpmpp_2m": k_diffusion_sampling.sample_dpmpp_2m,
}


def table_sigmas():
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2
    abar = np.cumprod(1 - betas)
    return np.sqrt(((1 - abar) / abar).astype(np.float32))


def legacy_ddpm(n):
    index = np.linspace(999, 0, n, endpoint=False).astype(int)
    return torch.from_numpy(np.append(table_sigmas()[index], 0.0).astype(np.float64))


def edm(n, smin=0.0292, smax=14.6146, rho=3.0):
    ramp = np.linspace(0, 1, n)
    return torch.from_numpy(
        np.append((smax ** (1 / rho) + ramp * (smin ** (1 / rho) - smax ** (1 / rho))) ** rho, 0.0)
    )


def weight(kind, i, n):
    if kind == "base":
        return 0.0
    if kind == "draft":
        return 1.0
    if kind == "linear":
        return i / n
    name, value = kind.split("_")
    return (i / n) ** float(value) if name == "power" else float(i / n >= float(value))


class Denoiser:
    """D(x; sigma) of the annealed mixture; called by k-diffusion once or twice a step."""

    def __init__(self, unet, context, vector, time_ids, kind, calls_per_step):
        self.unet, self.kind, self.calls_per_step, self.calls = unet, kind, calls_per_step, 0
        self.context = torch.cat([torch.zeros_like(context), context])
        self.vector = torch.cat([torch.zeros_like(vector), vector])
        self.time_ids = torch.cat([time_ids, time_ids])
        self.table = torch.from_numpy(table_sigmas().astype(np.float64))

    def guided(self, x, sigma, tuned):
        index = (self.table - sigma).abs().argmin()
        q = self.table[index]
        self.unet.enable_adapters() if tuned else self.unet.disable_adapters()
        eps = self.unet(
            torch.cat([x, x]) / (q**2 + 1).sqrt(),
            index,
            encoder_hidden_states=self.context,
            added_cond_kwargs={"text_embeds": self.vector, "time_ids": self.time_ids},
        ).sample
        uncond, cond = (torch.cat([x, x]) - q * eps).chunk(2)
        return uncond + SCALE * (cond - uncond)

    def __call__(self, x, sigma):
        w = weight(self.kind, self.calls // self.calls_per_step, STEPS)
        self.calls += 1
        parts = []
        if w != 1.0:
            parts.append((1 - w) * self.guided(x, sigma[0], tuned=False))
        if w != 0.0:
            parts.append(w * self.guided(x, sigma[0], tuned=True))
        return sum(parts)


def encode(model, prompts):
    states, pooled = [], None
    for suffix, cls in (("", CLIPTextModel), ("_2", CLIPTextModelWithProjection)):
        tokenizer = CLIPTokenizer.from_pretrained(f"{model}/tokenizer{suffix}")
        encoder = cls.from_pretrained(f"{model}/text_encoder{suffix}").double()
        ids = tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        out = encoder(ids, output_hidden_states=True)
        states.append(out.hidden_states[-2])
        pooled = out[0]
    return torch.cat(states, -1), pooled


def first_prompts(model):
    return open(f"{model}/prompts/validation.txt").read().split("\n")[:IMAGES]


def tuned_unet(model):
    """With its LoRA, in float64."""
    unet = UNet2DConditionModel.from_pretrained(f"{model}/unet").double()
    lora = load_file(f"{model}/lora/pytorch_lora_weights.safetensors")
    unet.load_lora_adapter({k.removeprefix("unet."): v for k, v in lora.items()}, prefix=None)
    return unet.double()


@torch.no_grad()
def main(testdata):
    model = f"{testdata}/tiny_sdxl"
    prompts, unet = first_prompts(model), tuned_unet(model)
    vae = AutoencoderKL.from_pretrained(f"{model}/vae").double()
    context, vector = encode(model, prompts)
    size = 8.0 * unet.config.sample_size
    time_ids = torch.tensor([[size, size, 0.0, 0.0, size, size]] * IMAGES, dtype=torch.float64)
    shape = (1, 4, unet.config.sample_size, unet.config.sample_size)
    noise = torch.cat([torch.randn(shape, generator=torch.Generator().manual_seed(SEED + g)) for g in range(IMAGES)])

    latents = {}
    for discretization, sigmas in (("legacy_ddpm", legacy_ddpm(STEPS)), ("edm", edm(STEPS))):
        for sampler, sample in SAMPLERS.items():
            columns = []
            for kind in WEIGHT_TYPES:
                denoiser = Denoiser(unet, context, vector, time_ids, kind, 2 if sampler == "heun" else 1)
                start = noise.double() * (1 + sigmas[0] ** 2).sqrt()
                x = sample(denoiser, start, sigmas, disable=True)
                latents[f"{discretization}.{sampler}.{kind}"] = x.contiguous()
                image = (vae.decode(x / vae.config.scaling_factor).sample / 2 + 0.5).clamp(0, 1) * 255
                columns.append(image.to(torch.uint8).permute(0, 2, 3, 1).reshape(-1, image.shape[3], 3))
            grid = torch.cat(columns, dim=1).numpy()
            Image.fromarray(grid).save(f"{testdata}/goldens/anneal_{discretization}_{sampler}.png", optimize=True)
            print(discretization, sampler, flush=True)
    versions = {m.__name__: m.__version__ for m in (torch, diffusers, peft, transformers)}
    save_file(
        latents,
        f"{testdata}/goldens/anneal.safetensors",
        metadata={"command": "python testdata/generate/anneal.py testdata", "seed": str(SEED), "steps": str(STEPS),
                  "prompts": "\n".join(prompts), "python": platform.python_version(), **versions},
    )


if __name__ == "__main__":
    main(sys.argv[1])
