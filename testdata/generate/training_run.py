"""Golden first optimiser steps of a DRaFT+ run on the embedded model: diffusers + peft in float64.

Command:  OMP_NUM_THREADS=1 python testdata/generate/training_run.py testdata
Seed:     1243: noise of sample g (its index over the run, g = step * global_batch + i) is float32
          torch.randn([1,4,8,8], generator=torch.Generator().manual_seed(1243 + g)); the factors A from one
          torch.Generator().manual_seed(1243), xavier normal, by sorted path
Versions: recorded in the metadata

Writes testdata/goldens/training_run.safetensors: the step of training_step.py (N = 4, K = 2, guidance 5, kl_coeff 0.1, image
64x64, the VAE's own scaling factor), global batch 2 in micro-batches of 1, caption of sample g = line g of
prompts/train.txt; text embeddings in float64. AdamW with decay on every tensor, lr (step+1)/(warmup+1) of the peak up to
it, gradients averaged over the micro-batches and scaled by min(1, max_norm / (norm + 1e-6)), B zero at first.

Runs: "run", 20 steps, clip 10; "clipped", 3 steps, clip 0.05, with an EMA: start = initial adapter, after each step
ema <- 0.9 ema + 0.1 adapter.

Metadata has one key, "golden", JSON with: versions; settings of the runs; parameters: names PATH.lora_A and PATH.lora_B of
all T trained tensors, sorted. Tensors (float64 unless said; RUN is run or clipped, steps S):
  initial.PATH.lora_A [4,in] float16, the exact values
  RUN.reward, RUN.kl, RUN.loss, RUN.grad_norm (before clipping), RUN.lr [S]: means over the global batch
  RUN.final_norm [T], RUN.final_dot [T]: of each trained tensor, |w| and sum(w * hash_tensor(name, *shape))
  RUN.final.NAME float32: some of them in full
  clipped.ema_norm, clipped.ema_dot [T], clipped.ema.NAME: the same of the EMA
"""

import json
import os
import pathlib
import sys

import torch
from anneal import encode
from diffusers import UNet2DConditionModel
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from torch.nn.utils import clip_grad_norm_
from training_step import TARGETS, VERSIONS, Case, Constants, PickScore, Step, decoder, evaluate, write
from unet import hash_tensor

SEED, RANK, ALPHA, GLOBAL_BATCH, KEEP = 1243, 4, 4, 2, 25
CASE = Case("diffusers", k=2, kl_coeff=0.1)
ADAMW = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 5e-4}
WARMUP, EMA_DECAY = 4, 0.9
RUNS = {"run": {"steps": 20, "max_norm": 10.0}, "clipped": {"steps": 3, "max_norm": 0.05}}


def fresh_adapter(model):
    """The UNet and its trainable tensors by name."""
    unet = UNet2DConditionModel.from_pretrained(f"{model}/unet").double().eval()
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=TARGETS["diffusers"]))
    unet.double().requires_grad_(False)
    generator, trainable = torch.Generator().manual_seed(SEED), {}
    for path, module in sorted(unet.named_modules()):
        if isinstance(module, LoraLayer):
            a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
            a.data = (torch.randn(a.shape, generator=generator) * (2 / (a.shape[0] + a.shape[1])) ** 0.5).half().double()
            b.data.zero_()
            trainable |= {f"{path}.lora_A": a.requires_grad_(), f"{path}.lora_B": b.requires_grad_()}
    return unet, trainable


class Samples:
    """Noise, conditioning and caption of sample g."""

    def __init__(self, model, count):
        self.captions = open(f"{model}/prompts/train.txt").read().split("\n")[:count]
        with torch.no_grad():
            self.context, self.pooled = encode(model, self.captions)
        self.time_ids = torch.tensor([[64.0, 64.0, 0.0, 0.0, 64.0, 64.0]], dtype=torch.float64)

    def __call__(self, g):
        noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(SEED + g)).double()
        return noise, (self.context[g : g + 1], self.pooled[g : g + 1], self.time_ids), [self.captions[g]]


def train(model, samples, decode, reward, steps, max_norm):
    """Logged values by name, the adapter after the last step and its EMA."""
    unet, trainable = fresh_adapter(model)
    tuned, base = evaluate(unet, True), evaluate(unet, False)
    optimizer = torch.optim.AdamW(trainable.values(), foreach=False, **ADAMW)
    ema = {name: value.detach().clone() for name, value in trainable.items()}
    log = []
    for step in range(steps):
        rate = ADAMW["lr"] * min(1.0, (step + 1) / (WARMUP + 1))
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        outs = []
        for i in range(GLOBAL_BATCH):
            noise, conditioning, captions = samples(step * GLOBAL_BATCH + i)
            out = Step(tuned, base, noise, None, conditioning, decode, reward, CASE, Constants()).run(captions)
            (out["loss"] / GLOBAL_BATCH).backward()
            outs.append([out[key].detach().mean() for key in ("reward", "kl", "loss")])
        norm = clip_grad_norm_(trainable.values(), max_norm, foreach=False)
        optimizer.step()
        for name, value in trainable.items():
            ema[name].mul_(EMA_DECAY).add_(value.detach(), alpha=1 - EMA_DECAY)
        log.append([*torch.tensor(outs, dtype=torch.float64).mean(0).tolist(), norm.item(), rate])
        print("%2d reward %.6f kl %.8f loss %.6f norm %.6f lr %.6f" % (step, *log[-1]), flush=True)
    columns = torch.tensor(log, dtype=torch.float64).T
    return dict(zip(("reward", "kl", "loss", "grad_norm", "lr"), columns)), trainable, ema


def summary(prefix, tensors, names):
    tensors = {name: tensors[name].detach() for name in names}
    dots = [(value * hash_tensor(name, *value.shape)).sum() for name, value in tensors.items()]
    found = {f"{prefix}_norm": torch.stack([value.norm() for value in tensors.values()]), f"{prefix}_dot": torch.stack(dots)}
    return found | {f"{prefix}.{name}": tensors[name].float() for name in names[::KEEP]}


def main(root):
    model = str(root / "tiny_sdxl")
    samples = Samples(model, GLOBAL_BATCH * max(run["steps"] for run in RUNS.values()))
    scaling_factor = json.load(open(f"{model}/vae/config.json"))["scaling_factor"]
    decode, reward = decoder(model, scaling_factor), PickScore(model)
    initial = fresh_adapter(model)[1]
    names = sorted(initial)
    goldens = {f"initial.{name}": initial[name].half() for name in names if name.endswith("A")}
    for kind, settings in RUNS.items():
        log, final, ema = train(model, samples, decode, reward, **settings)
        goldens |= {f"{kind}.{key}": value for key, value in log.items()} | summary(f"{kind}.final", final, names)
        if kind == "clipped":
            goldens |= summary(f"{kind}.ema", ema, names)
    settings = {"runs": RUNS, "adamw": ADAMW, "warmup_steps": WARMUP, "ema_decay": EMA_DECAY, "lora_rank": RANK,
                "lora_alpha": ALPHA, "global_batch_size": GLOBAL_BATCH, "seed": SEED, **CASE.settings()}
    versions = VERSIONS | {"generator": "testdata/generate/training_run.py"}
    about = {"versions": versions, "settings": settings, "parameters": names}
    write(root / "goldens" / "training_run.safetensors", goldens, about)


if __name__ == "__main__":
    assert os.environ.get("OMP_NUM_THREADS") == "1", "sums differ with the number of threads"
    main(pathlib.Path(sys.argv[1]))
