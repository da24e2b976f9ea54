"""Golden latents of ways to blend: diffusers + peft networks under k-diffusion's Euler, in float64.

Command:  python testdata/generate/blends.py testdata
Seed:     1243 (per_image noise: the image starts from torch.Generator().manual_seed(1243))
Versions: recorded in the metadata of testdata/goldens/blends.safetensors

Draws the first validation prompt in 4 steps of legacy_ddpm, guidance 5, by each blend of BLENDS. What is
projected is by diffusers' normalized_guidance between the two models' estimates, what is split by
frequency by kornia's pyramid, what is scaled by peft's scale of the adapter, what is drawn by SplitMix64 as
published. Writes the final latents, float32.
"""

import platform
import sys

import diffusers
import kornia
import peft
import torch
from anneal import Denoiser, encode, first_prompts, k_diffusion_sampling, legacy_ddpm, tuned_unet
from diffusers.guiders.adaptive_projected_guidance import normalized_guidance
from safetensors.torch import save_file

import anneal

STEPS, SEED = 4, 1243


def linear(i):
    return i / STEPS


def mixture(self, x, sigma, w):
    base = self.guided(x, sigma, tuned=False)
    return base + w * (self.guided(x, sigma, tuned=True) - base)


def weights(self, x, sigma, s):
    self.unet.set_adapters("default_0", s)
    estimate = self.guided(x, sigma, tuned=True)
    self.unet.set_adapters("default_0", 1.0)
    return estimate


def projected(self, x, sigma, orthogonal, parallel):
    base, tuned = self.guided(x, sigma, tuned=False), self.guided(x, sigma, tuned=True)
    return normalized_guidance(tuned, base, orthogonal, eta=parallel / orthogonal, norm_threshold=0.0)


def bands(self, x, sigma, low, high):
    base, tuned = self.guided(x, sigma, tuned=False), self.guided(x, sigma, tuned=True)
    detail, coarse = kornia.geometry.transform.build_laplacian_pyramid(tuned - base, 2)
    return base + high * detail + low * kornia.geometry.transform.pyrup(coarse)


def guided(self, x, sigma, w, scale):
    base = self.guided(x, sigma, tuned=False)
    run_scale, anneal.SCALE = anneal.SCALE, scale
    tuned = self.guided(x, sigma, tuned=True)
    anneal.SCALE = run_scale
    return (1 - w) * base + w * tuned


def drawn(self, x, sigma, i, probability):
    state = SEED
    for _ in range(i + 1):  # SplitMix64's outputs in turn
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        z ^= z >> 31
    return self.guided(x, sigma, tuned=(z >> 11) / 2**53 < probability)


BLENDS = {
    "1.6": lambda d, x, s, i: mixture(d, x, s, 1.6),
    "weights(0.4)": lambda d, x, s, i: weights(d, x, s, 0.4),
    "weights(linear)": lambda d, x, s, i: weights(d, x, s, linear(i)),
    "draw(0.5)": lambda d, x, s, i: drawn(d, x, s, i, 0.5),
    "guided(linear,1)": lambda d, x, s, i: guided(d, x, s, linear(i), 1.0),
    "guided(0.7,2.5)": lambda d, x, s, i: guided(d, x, s, 0.7, 2.5),
    "projected(1.5)": lambda d, x, s, i: projected(d, x, s, 1.5, 0.0),
    "projected(draft,linear)": lambda d, x, s, i: projected(d, x, s, 1.0, linear(i)),
    "bands(linear,1.5)": lambda d, x, s, i: bands(d, x, s, linear(i), 1.5),
    "bands(draft,base)": lambda d, x, s, i: bands(d, x, s, 1.0, 0.0),
}


class BlendDenoiser(Denoiser):
    def __call__(self, x, sigma):
        self.calls += 1
        return BLENDS[self.kind](self, x, sigma[0], self.calls - 1)


@torch.no_grad()
def main(testdata):
    model = f"{testdata}/tiny_sdxl"
    unet, prompt = tuned_unet(model), first_prompts(model)[:1]
    context, vector = encode(model, prompt)
    size = 8.0 * unet.config.sample_size
    time_ids = torch.tensor([[size, size, 0.0, 0.0, size, size]], dtype=torch.float64)
    shape = (1, 4, unet.config.sample_size, unet.config.sample_size)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(SEED)).double()
    sigmas, latents = legacy_ddpm(STEPS), {}
    for kind in BLENDS:
        denoiser = BlendDenoiser(unet, context, vector, time_ids, kind, 1)
        start = noise * (1 + sigmas[0] ** 2).sqrt()
        x = k_diffusion_sampling.sample_euler(denoiser, start, sigmas, disable=True)
        latents[kind] = x.float().contiguous()
        print(kind, f"{x.abs().max():.3f}", flush=True)
    versions = {m.__name__: m.__version__ for m in (torch, diffusers, peft, kornia)}
    save_file(
        latents,
        f"{testdata}/goldens/blends.safetensors",
        metadata={"command": "python testdata/generate/blends.py testdata", "seed": str(SEED), "steps": str(STEPS),
                  "prompt": prompt[0], "python": platform.python_version(), **versions},
    )


if __name__ == "__main__":
    main(sys.argv[1])
