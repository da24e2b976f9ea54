"""Writes testdata/goldens/schedules.json: noise levels as numpy, k-diffusion's formula and diffusers give them.

    python testdata/generate/schedules.py testdata/goldens/schedules.json

No randomness. Versions are recorded in the file (numpy 2.x, torch 2.11, diffusers 0.39).
Per family of N = 1..1000 a checksum sum_i (i+1) t_i of the time indices, so that every N is covered in
few bytes; some N in full.
"""

import json
import sys

import diffusers
import numpy as np
import torch

FULL = [1, 2, 3, 8, 25, 40, 48, 50, 61, 99, 185, 240, 999, 1000]


def standard_table():
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2
    alpha_bars = np.cumprod(1 - betas)
    variances = ((1 - alpha_bars) / alpha_bars).astype(np.float32)
    return alpha_bars, np.sqrt(variances.astype(np.float64))


def legacy_times(n):
    """sgm.modules.diffusionmodules.discretizer.LegacyDDPMDiscretization."""
    if n == 1000:
        return np.arange(999, -1, -1)
    return np.linspace(999, 0, n, endpoint=False).astype(int)


def karras(n, sigma_min, sigma_max, rho):
    """k_diffusion.sampling.get_sigmas_karras, in float64."""
    ramp = np.linspace(0, 1, n)
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return (high + ramp * (low - high)) ** rho


def diffusers_run(spacing, offset, n):
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        timestep_spacing=spacing, steps_offset=offset)
    scheduler.set_timesteps(n)
    # For some n numpy's arange gives trailing spacing one step more than asked for, of zero length.
    return (scheduler.timesteps.numpy().astype(int)[:n],
            scheduler.sigmas.double().numpy()[:n])


def checksum(times):
    return int(sum((i + 1) * int(t) for i, t in enumerate(times)))


def family(times, limit):
    return {"checksums": [checksum(times(n)) for n in range(1, limit + 1)],
            "times": {str(n): [int(t) for t in times(n)] for n in FULL if n <= limit}}


def main():
    alpha_bars, sigmas = standard_table()
    golden = {
        "versions": {"numpy": np.__version__, "torch": torch.__version__,
                     "diffusers": diffusers.__version__},
        "alpha_bars": alpha_bars.tolist(),
        "sigmas": sigmas.tolist(),
        "legacy_ddpm": family(legacy_times, 1000),
        "edm": {str(n): karras(n, 0.0292, 14.6146, 3).tolist() for n in (1, 2, 3, 25, 40)},
        "edm(0.03,10,7)": {str(n): karras(n, 0.03, 10, 7).tolist() for n in (2, 10)},
    }
    for name, spacing, offset, limit in (("trailing", "trailing", 0, 1000), ("leading", "leading", 0, 1000),
                                         ("leading(1)", "leading", 1, 999)):
        golden[name] = family(lambda n: diffusers_run(spacing, offset, n)[0], limit)
        golden[name]["sigmas"] = {str(n): diffusers_run(spacing, offset, n)[1].tolist()
                                  for n in (1, 2, 8, 25, 40, 50, 61)}
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
