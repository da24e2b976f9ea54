"""Goldens of the sampling room: testdata/goldens/samplers.json.

    python testdata/generate/samplers.py testdata/goldens/samplers.json

- k-diffusion's samplers in float64 over an analytic denoiser (two Gaussians), their noise injected from a generator
  seeded 3.
- diffusers' rescale_noise_cfg and normalized_guidance (AdaptiveProjectedGuidance).
- torch.Generator's normal draws, as the noise sources make them: initial noise, then two more draws.

Versions used: torch 2.12.1, k-diffusion 0.1.1.post1, diffusers 0.42.1 (recorded in the file as well).
"""

import importlib.metadata
import json
import math
import sys

import torch
from diffusers.guiders.adaptive_projected_guidance import normalized_guidance
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import rescale_noise_cfg

import k_diffusion_sampling as k

MEAN, DEVIATION = 1.5, 0.4  # data: +-MEAN with equal odds, each a Gaussian of DEVIATION
SHAPE = [2, 1, 2, 2]
SIGMAS = [14.6, 8.1, 4.3, 2.2, 1.1, 0.5, 0.2, 0.03, 0.0]


def denoiser(x, sigma):
    """Posterior mean of the two-Gaussian data law."""
    sigma = sigma.view(-1, 1, 1, 1)
    total = DEVIATION**2 + sigma**2
    return (DEVIATION**2 * x + sigma**2 * MEAN * torch.tanh(MEAN * x / total)) / total


CASES = [
    ("euler", {}),
    ("euler", {"s_churn": 3.0, "s_tmin": 0.1, "s_tmax": 9.0, "s_noise": 1.003}),
    ("euler", {"s_churn": 40.0, "s_tmin": 0.0, "s_tmax": 999.0, "s_noise": 1.0}),
    ("heun", {}),
    ("heun", {"s_churn": 3.0, "s_tmin": 0.1, "s_tmax": 9.0, "s_noise": 1.003}),
    ("euler_ancestral", {}),
    ("euler_ancestral", {"eta": 0.5, "s_noise": 0.9}),
    ("euler_ancestral", {"eta": 0.0}),
    ("dpmpp_2s", {}),
    ("dpmpp_2s", {"eta": 0.6, "s_noise": 1.1}),
    ("dpmpp_2s", {"eta": 0.0}),
    ("dpmpp_2m", {}),
    ("lms", {}),
    ("lms", {"order": 1}),
    ("lms", {"order": 2}),
    ("lms", {"order": 3}),
]
FUNCTIONS = {
    "euler": "sample_euler",
    "heun": "sample_heun",
    "euler_ancestral": "sample_euler_ancestral",
    "dpmpp_2s": "sample_dpmpp_2s_ancestral",
    "dpmpp_2m": "sample_dpmpp_2m",
    "lms": "sample_lms",
}


def run_case(sampler, options, x, sigmas, generator):
    """One run; its noise is what the sampler added, in order (k-diffusion also draws what it doesn't add)."""
    drawn = []

    def randn_like(x):
        drawn.append(torch.randn(x.shape, dtype=x.dtype, generator=generator))
        return drawn[-1]

    original, torch.randn_like = torch.randn_like, randn_like
    try:
        final = getattr(k, FUNCTIONS[sampler])(denoiser, x, sigmas, disable=True, **options)
    finally:
        torch.randn_like = original
    if sampler in ("euler", "heun"):
        churn, low, high = (options.get(n, d) for n, d in (("s_churn", 0), ("s_tmin", 0), ("s_tmax", math.inf)))
        drawn = [n for n, s in zip(drawn, SIGMAS) if churn > 0 and low <= s <= high]
    if options.get("eta") == 0:
        drawn = []
    noise = [n.flatten().tolist() for n in drawn]
    return {"sampler": sampler, "options": options, "noise": noise, "final": final.flatten().tolist()}


def k_diffusion_goldens():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(SHAPE, dtype=torch.float64, generator=generator) * math.sqrt(1 + SIGMAS[0] ** 2)
    sigmas = torch.tensor(SIGMAS, dtype=torch.float64)
    cases = [run_case(sampler, options, x, sigmas, generator) for sampler, options in CASES]
    return {"mean": MEAN, "deviation": DEVIATION, "shape": SHAPE, "sigmas": SIGMAS, "x": x.flatten().tolist(),
            "cases": cases}


def rescale_goldens():
    generator = torch.Generator().manual_seed(5)
    shape = [2, 4, 2, 2]
    unconditional, conditional = torch.randn([2] + shape, dtype=torch.float64, generator=generator) + 0.2
    guided = unconditional + 5.0 * (conditional - unconditional)
    rescaled = rescale_noise_cfg(guided, conditional, guidance_rescale=0.7)
    tensors = {"unconditional": unconditional, "conditional": conditional, "rescaled": rescaled}
    return {"shape": shape, "scale": 5.0, "rescale": 0.7, **{n: t.flatten().tolist() for n, t in tensors.items()}}


def projected_goldens():
    generator = torch.Generator().manual_seed(7)
    shape = [2, 4, 2, 2]
    unconditional, conditional = torch.randn([2] + shape, dtype=torch.float64, generator=generator) + 0.2
    cases = [{"scale": scale, "eta": eta, "norm_threshold": threshold,
              "guided": normalized_guidance(conditional, unconditional, scale, None, eta, threshold).flatten().tolist()}
             for scale, eta, threshold in ((5.0, 0.0, 15.0), (5.0, 0.0, 2.5), (8.0, 0.25, 2.5), (3.0, 1.0, 0.0))]
    return {"shape": shape, "unconditional": unconditional.flatten().tolist(),
            "conditional": conditional.flatten().tolist(), "cases": cases}


def draws(generator, shape):
    return [torch.randn(shape, generator=generator).flatten().tolist() for _ in range(3)]


def noise_goldens():
    """36 = 2 * 16 + 4 elements an image: the tail that is drawn again is pinned as well."""
    shape = [1, 4, 3, 3]
    per_image = [{"seed": 1243, "image": g, "draws": draws(torch.Generator().manual_seed(1243 + g), shape)}
                 for g in (0, 7)]
    # The last seed wraps: manual_seed takes the sum modulo 2^64.
    wrapped = {"seed": str(2**64 - 1), "image": 3, "draws": draws(torch.Generator().manual_seed(2), shape)}
    original = []
    for rank in (0, 3, 4000):
        seed = (1243 + 1247837 * rank) % (2**32 - 1)
        generator = torch.Generator().manual_seed(seed)
        batch = torch.randn([2, 4, 2, 2], generator=generator)  # upstream draws a batch at once
        following = torch.randn([1, 4, 2, 2], generator=generator)
        original.append({"rank": rank, "seed": seed, "batch": batch.flatten().tolist(),
                         "following": following.flatten().tolist()})
    return {"shape": shape, "per_image": per_image, "wrapped": wrapped, "original": original}


def main(path):
    torch.set_num_threads(1)
    versions = {p: importlib.metadata.version(p) for p in ("torch", "k-diffusion", "diffusers")}
    goldens = {"command": "python testdata/generate/samplers.py testdata/goldens/samplers.json", "versions": versions,
               "k_diffusion": k_diffusion_goldens(), "rescale": rescale_goldens(),
               "projected": projected_goldens(), "noise": noise_goldens()}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(goldens, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
