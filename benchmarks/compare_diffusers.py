"""Times diffusers + peft (eager), and //tools:anneal beside it, at drawing the same pictures.

  bazel build //tools:anneal
  OMP_NUM_THREADS=2 python3 benchmarks/compare_diffusers.py testdata/tiny_sdxl --anneal bazel-bin/tools/anneal

Euler, 25 steps, guidance 5, weight types base, linear and step_0.6; text encoding and decoding included, loading not.
With --anneal both draw in turns, round by round, so that a busy or throttled machine meets both; a figure is the median over
the rounds. The peer's mixture evaluates base and tuned model one after the other, by peft's adapter switch, and leaves out a
model whose weight is 0. Needs torch, diffusers, transformers and peft.
"""

import argparse
import json
import re
import statistics
import subprocess
import tempfile
import time

import torch
from diffusers import StableDiffusionXLPipeline

STEPS, SCALE = 25, 5.0
WEIGHTS = {"base": lambda u: 0.0, "linear": lambda u: u, "step_0.6": lambda u: float(u >= 0.6)}


@torch.no_grad()
def draw(pipe, prompts, weight, steps=STEPS):
    device, dtype, batch = pipe.unet.device, pipe.unet.dtype, len(prompts)
    embeds, _, pooled, _ = pipe.encode_prompt(prompts, device=device, do_classifier_free_guidance=False)
    context = torch.cat([torch.zeros_like(embeds), embeds])
    vector = torch.cat([torch.zeros_like(pooled), pooled])
    size = 8.0 * pipe.unet.config.sample_size
    time_ids = torch.tensor([[size, size, 0, 0, size, size]] * (2 * batch), device=device, dtype=dtype)
    pipe.scheduler.set_timesteps(steps, device=device)
    sigmas = pipe.scheduler.sigmas
    latent = pipe.unet.config.sample_size
    x = torch.randn(batch, 4, latent, latent).to(device) * (sigmas[0] ** 2 + 1).sqrt()
    for i, t in enumerate(pipe.scheduler.timesteps):
        w = weight(i / steps)
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


def peer_seconds(pipe, prompts, weight):
    """Seconds an image of one batch."""
    begin = time.perf_counter()
    draw(pipe, prompts, weight)
    return (time.perf_counter() - begin) / len(prompts)


def anneal_seconds(args, name):
    """Seconds an image over the model's 8 prompts; seconds from start to loaded; peak MiB."""
    with tempfile.TemporaryDirectory() as folder:
        command = [args.anneal, f"--weight_type={name}", f"--batch_size={args.batch}", f"--device={args.device}",
                   f"--dtype={args.dtype}", f"--output_dir={folder}"]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        with open(f"{folder}/run.json") as file:
            result = json.load(file)["result"]
    seconds = result["seconds"]
    drawing = seconds["encode"] + seconds["sample"] + seconds["decode"]
    return drawing / result["images_drawn"], seconds["load"], result["peak_memory_mib"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--anneal", help="the program to compare with")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer_batches", type=int, default=3, help="batches that the peer draws in a round")
    args = parser.parse_args()

    pipe = StableDiffusionXLPipeline.from_pretrained(args.model, torch_dtype=getattr(torch, args.dtype)).to(args.device)
    pipe.load_lora_weights(f"{args.model}/lora")
    pipe.vae.float()
    with open(f"{args.model}/prompts/validation.txt") as file:
        prompts = file.read().split("\n")[:8]
    prompts = (prompts * args.batch)[: args.batch]
    peer, ours, loads, peaks = {}, {}, [], []
    for round in range(args.rounds + 1):  # the first warms up
        for name, weight in WEIGHTS.items():
            seconds = [peer_seconds(pipe, prompts, weight) for _ in range(args.peer_batches)]
            if args.anneal:
                drawing, load, peak = anneal_seconds(args, name)
            if round == 0:
                continue
            peer.setdefault(name, []).extend(seconds)
            if args.anneal:
                ours.setdefault(name, []).append(drawing)
                loads.append(load)
                peaks.append(peak)
    for name in WEIGHTS:
        line = f"{args.device} {args.dtype} batch {args.batch} {name}: diffusers {statistics.median(peer[name]):.3f} s/image"
        if args.anneal:
            line += f", draftp {statistics.median(ours[name]):.3f} s/image,"
            line += f" {statistics.median(peer[name]) / statistics.median(ours[name]):.2f} times faster"
        print(line, flush=True)
    if args.anneal:
        with open("/proc/self/status") as file:
            peak = int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024
        print(f"peak memory: diffusers {peak:.0f} MiB, draftp {max(peaks):.0f} MiB; draftp loads in {statistics.median(loads):.2f} s")


if __name__ == "__main__":
    main()
