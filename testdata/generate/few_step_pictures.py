"""Goldens of pictures by few-step samplers: testdata/goldens/few_step_pictures.safetensors.

    python testdata/generate/few_step_pictures.py testdata

The first two validation prompts by the fine-tuned embedded model without guidance, in 4 steps of diffusers' LCMScheduler and
TCDScheduler (eta 0.3), in float64: image g's noise, at the start and inside a step, comes from
torch.Generator().manual_seed(1243 + g). Versions are recorded in the file.
"""

import sys

import diffusers
import diffusers.schedulers.scheduling_lcm as lcm
import diffusers.schedulers.scheduling_tcd as tcd
import peft
import torch
from anneal import IMAGES, SEED, encode, first_prompts, tuned_unet
from safetensors.torch import save_file

STEPS = 4
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def run(unet, module, kind, conditions, **keywords):
    generators = [torch.Generator().manual_seed(SEED + g) for g in range(IMAGES)]
    shape = (1, 4, unet.config.sample_size, unet.config.sample_size)

    def noise(*_, **__):
        return torch.cat([torch.randn(shape, generator=generator) for generator in generators]).double()

    module.randn_tensor = noise
    scheduler = kind(original_inference_steps=50, **BETAS)
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    scheduler.set_timesteps(STEPS)
    sample = noise()
    for time in scheduler.timesteps:
        predicted = unet(sample, time, **conditions).sample
        sample = scheduler.step(predicted, time, sample, **keywords).prev_sample
    return sample.float().contiguous()


@torch.no_grad()
def main(testdata):
    model = f"{testdata}/tiny_sdxl"
    unet = tuned_unet(model)
    context, vector = encode(model, first_prompts(model))
    size = 8.0 * unet.config.sample_size
    time_ids = torch.tensor([[size, size, 0.0, 0.0, size, size]] * IMAGES, dtype=torch.float64)
    conditions = {"encoder_hidden_states": context, "added_cond_kwargs": {"text_embeds": vector, "time_ids": time_ids}}
    latents = {
        "lcm": run(unet, lcm, lcm.LCMScheduler, conditions),
        "tcd": run(unet, tcd, tcd.TCDScheduler, conditions, eta=0.3),
    }
    versions = {"torch": torch.__version__, "diffusers": diffusers.__version__, "peft": peft.__version__}
    save_file(latents, f"{testdata}/goldens/few_step_pictures.safetensors", metadata=versions)


if __name__ == "__main__":
    main(sys.argv[1])
