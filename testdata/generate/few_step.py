"""Goldens of the samplers of few-step models: testdata/goldens/few_step.json.

    python testdata/generate/few_step.py testdata/goldens/few_step.json

- diffusers' LCMScheduler and TCDScheduler over an analytic denoiser (two Gaussians) in float64: their step() with their
  table of alphas in float64, their noise from a generator seeded 11.
- Their time indices for every number of steps.

Versions are recorded in the file.
"""

import importlib.metadata
import json
import sys

import diffusers.schedulers.scheduling_lcm as lcm
import diffusers.schedulers.scheduling_tcd as tcd
import torch

MEAN, DEVIATION = 1.5, 0.4  # as in samplers.py
SHAPE = [2, 1, 2, 2]
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def noise_estimate(scheduler, sample, time):
    """The epsilon of the analytic denoiser at a sample of the variance-preserving process."""
    alpha_bar = scheduler.alphas_cumprod[time]
    sigma = ((1 - alpha_bar) / alpha_bar).sqrt()
    x, total = sample / alpha_bar.sqrt(), DEVIATION**2 + sigma**2
    denoised = (DEVIATION**2 * x + sigma**2 * MEAN * torch.tanh(MEAN * x / total)) / total
    return (x - denoised) / sigma


def make(module, original_steps):
    kind = lcm.LCMScheduler if module is lcm else tcd.TCDScheduler
    scheduler = kind(original_inference_steps=original_steps, **BETAS)
    roots = torch.linspace(BETAS["beta_start"] ** 0.5, BETAS["beta_end"] ** 0.5, 1000, dtype=torch.float64)
    scheduler.alphas_cumprod = torch.cumprod(1 - roots**2, 0)
    return scheduler


def run(module, steps, options, generator):
    drawn = []

    def randn_tensor(shape, **_):
        drawn.append(torch.randn(shape, dtype=torch.float64, generator=generator))
        return drawn[-1]

    module.randn_tensor = randn_tensor
    scheduler = make(module, 50)
    scheduler.set_timesteps(steps)
    start = torch.randn(SHAPE, dtype=torch.float64, generator=generator)
    sample = start
    keywords = {"eta": options["gamma"]} if options else {}
    for time in scheduler.timesteps:
        sample = scheduler.step(noise_estimate(scheduler, sample, time), time, sample, **keywords).prev_sample
    return {"sampler": "lcm" if module is lcm else "tcd", "options": options, "times": scheduler.timesteps.tolist(),
            "start": start.flatten().tolist(), "noise": [n.flatten().tolist() for n in drawn],
            "final": sample.flatten().tolist()}


def times(original_steps):
    scheduler, all_times = make(lcm, original_steps), []
    for n in range(1, original_steps + 1):
        scheduler.set_timesteps(n)
        all_times.append(scheduler.timesteps.tolist())
        other = make(tcd, original_steps)
        other.set_timesteps(n)
        assert other.timesteps.tolist() == all_times[-1]
    return all_times


def main(path):
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(11)
    cases = [run(lcm, steps, {}, generator) for steps in (1, 4, 8)]
    cases += [run(tcd, steps, {"gamma": gamma}, generator) for steps in (1, 4, 8) for gamma in (0.0, 0.3, 1.0)]
    goldens = {"command": "python testdata/generate/few_step.py testdata/goldens/few_step.json",
               "versions": {p: importlib.metadata.version(p) for p in ("torch", "diffusers")},
               "mean": MEAN, "deviation": DEVIATION, "shape": SHAPE, "cases": cases,
               "times": {"lcm": times(50), "lcm(25)": times(25)}}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(goldens, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
