"""Times diffusers + peft (eager) at what //tools:anneal draws: python benchmarks/compare_diffusers.py testdata/tiny_sdxl cuda bfloat16 8

Arguments: model folder, device, dtype, batch size. Euler, 25 steps, guidance 5, base, linear and step_0.6; text encoding and
decoding included. Prints images per second: the median of five batches after a warm-up. The mixture evaluates base and tuned
model one after the other, by peft's adapter switch, and leaves out a model whose weight is 0.
"""

import statistics
import sys
import time

import torch
from diffusers import StableDiffusionXLPipeline

STEPS, SCALE = 25, 5.0
WEIGHTS = {"base": lambda u: 0.0, "linear": lambda u: u, "step_0.6": lambda u: float(u >= 0.6)}


@torch.no_grad()
def draw(pipe, prompts, weight):
    device, dtype, batch = pipe.unet.device, pipe.unet.dtype, len(prompts)
    embeds, _, pooled, _ = pipe.encode_prompt(prompts, device=device, do_classifier_free_guidance=False)
    context = torch.cat([torch.zeros_like(embeds), embeds])
    vector = torch.cat([torch.zeros_like(pooled), pooled])
    size = 8.0 * pipe.unet.config.sample_size
    time_ids = torch.tensor([[size, size, 0, 0, size, size]] * (2 * batch), device=device, dtype=dtype)
    pipe.scheduler.set_timesteps(STEPS, device=device)
    sigmas = pipe.scheduler.sigmas
    latent = pipe.unet.config.sample_size
    x = torch.randn(batch, 4, latent, latent).to(device) * (sigmas[0] ** 2 + 1).sqrt()
    for i, t in enumerate(pipe.scheduler.timesteps):
        w = weight(i / STEPS)
        scaled = (torch.cat([x, x]) / (sigmas[i] ** 2 + 1).sqrt()).to(dtype)
        guided = []
        for tuned, share in ((False, 1 - w), (True, w)):
            if share == 0:
                continue
            pipe.unet.enable_adapters() if tuned else pipe.unet.disable_adapters()
            cond = {"text_embeds": vector, "time_ids": time_ids}
            u, c = pipe.unet(scaled, t, encoder_hidden_states=context, added_cond_kwargs=cond).sample.float().chunk(2)
            guided.append(share * (u + SCALE * (c - u)))
        x = x + (sigmas[i + 1] - sigmas[i]) * sum(guided)
    image = pipe.vae.decode((x / pipe.vae.config.scaling_factor).to(pipe.vae.dtype)).sample
    return ((image / 2 + 0.5).clamp(0, 1) * 255).to(torch.uint8).cpu()


def main(model, device, dtype, batch):
    pipe = StableDiffusionXLPipeline.from_pretrained(model, torch_dtype=getattr(torch, dtype)).to(device)
    pipe.load_lora_weights(f"{model}/lora")
    pipe.vae.float()
    prompts = open(f"{model}/prompts/validation.txt").read().split("\n")[:8]
    prompts = (prompts * batch)[:batch]
    for name, weight in WEIGHTS.items():
        seconds = []
        for _ in range(6):
            begin = time.perf_counter()
            draw(pipe, prompts, weight)
            seconds.append(time.perf_counter() - begin)
        print(f"diffusers {dtype} batch {batch} {name}: {batch / statistics.median(seconds[1:]):.2f} images/s", flush=True)


main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
