"""Times a DRaFT+ step by diffusers + peft, and that of //tools:train beside it.

  bazel build //tools:train
  OMP_NUM_THREADS=2 python3 benchmarks/compare_training.py testdata/tiny_sdxl --ours bazel-bin/tools/train
  python3 benchmarks/compare_training.py testdata/tiny_sdxl --device cuda --dtype bf16 --cuda-graph --batch 32 --steps 25 \
      --truncation 5 --ours "bazel-bin/tools/train --device=cuda --dtype=bfloat16"

A step is: captions encoded, N - K Euler steps without gradient, K with, each with the base model's prediction beside it,
decode, PickScore, backward, clip, AdamW; guidance 5, kl_coeff 0.05, LoRA on to_q, to_k, to_v and to_out.0. With --dtype bf16
the frozen UNet is bf16 and the adapter float32; VAE and reward are float32 (--decoder-dtype bf16 for both in bf16).
--cuda-graph captures all but the encoding of captions in one CUDA graph, the optimiser included.

Prints one line of JSON: the settings, and for each program the median of seconds a step and, for the peer, its peak memory
(CUDA: what the allocator handed out; CPU: the process's high-water mark). --ours takes the program with any flags that aren't
set here (--device, --dtype, image size); the two run in turns, round by round, and ours is the median of "seconds" in its
log.jsonl, the first --warmup lines left out. Needs torch, diffusers, transformers and peft.
"""

import argparse
import json
import pathlib
import re
import shlex
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from torch.nn.functional import interpolate, normalize
from transformers import CLIPModel, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

SCALE, KL_COEFF, CLIP, RATE = 5.0, 0.05, 10.0, 2e-3
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def legacy_ddpm(steps):
    """Sigmas (N+1) and the indices of the first N."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    abar = np.cumprod(1 - betas)
    index = np.linspace(999, 0, steps, endpoint=False).astype(int)
    return [*np.sqrt((1 - abar) / abar)[index].tolist(), 0.0], index


class Peer:
    def __init__(self, args):
        self.args, model = args, args.model
        frozen, self.decoder_dtype = DTYPES[args.dtype], DTYPES[args.decoder_dtype]
        load = lambda cls, part, dtype: cls.from_pretrained(f"{model}/{part}", torch_dtype=dtype).to(args.device).eval()
        self.vae = load(AutoencoderKL, "vae", self.decoder_dtype).requires_grad_(False)
        self.clip = load(CLIPModel, "reward_model", self.decoder_dtype).requires_grad_(False)
        self.encoders = [load(CLIPTextModel, "text_encoder", frozen), load(CLIPTextModelWithProjection, "text_encoder_2", frozen)]
        self.tokenizers = [CLIPTokenizer.from_pretrained(f"{model}/tokenizer{suffix}") for suffix in ("", "_2")]
        self.unet = load(UNet2DConditionModel, "unet", frozen).requires_grad_(False)
        self.unet.add_adapter(LoraConfig(r=args.lora_rank, lora_alpha=args.lora_rank, init_lora_weights="gaussian",
                                         target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
        if args.checkpointing:
            self.unet.enable_gradient_checkpointing()
        self.adapters = [module for module in self.unet.modules() if isinstance(module, LoraLayer)]
        self.trained = [p for p in self.unet.parameters() if p.requires_grad]
        for parameter in self.trained:
            parameter.data = parameter.data.float()
        self.optimizer = torch.optim.AdamW(self.trained, lr=RATE, fused=True, capturable=args.cuda_graph)
        self.sigmas, index = legacy_ddpm(args.steps)
        self.times = [torch.tensor(i, device=args.device) for i in index.tolist()]
        size = args.size or 8 * self.unet.config.sample_size
        self.latent = size // 2 ** (len(self.vae.config.block_out_channels) - 1)
        self.time_ids = torch.tensor([[size, size, 0, 0, size, size]] * (2 * args.batch), device=args.device, dtype=frozen)
        self.mean, self.std = (torch.tensor(v, device=args.device).reshape(3, 1, 1) for v in (MEAN, STD))
        self.inputs = self.graph = None

    @torch.no_grad()
    def encode(self, captions):
        """Context and pooled embedding of the doubled rows, and the reward's text embeddings."""
        tokens = [tokenizer(captions, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
                  .to(self.args.device) for tokenizer in self.tokenizers]
        outs = [encoder(ids, output_hidden_states=True) for encoder, ids in zip(self.encoders, tokens)]
        context, pooled = torch.cat([out.hidden_states[-2] for out in outs], -1), outs[1][0]
        text = self.clip.text_projection(self.clip.text_model(tokens[0]).pooler_output)
        return [torch.cat([torch.zeros_like(v), v]) for v in (context, pooled)] + [normalize(text.float(), dim=-1)]

    def switch(self, on):
        for layer in self.adapters:
            layer._disable_adapters = not on

    def predict(self, x, i, context, pooled, tuned):
        """The guided noise estimate, which is d."""
        self.switch(tuned)
        rows = (torch.cat([x, x]) / (self.sigmas[i] ** 2 + 1) ** 0.5).to(self.unet.dtype)
        added = {"text_embeds": pooled, "time_ids": self.time_ids}
        out = self.unet(rows, self.times[i], encoder_hidden_states=context, added_cond_kwargs=added).sample
        self.switch(True)  # what recomputation in the backward pass must find
        uncond, cond = out.float().chunk(2)
        return uncond + SCALE * (cond - uncond)

    def reward(self, latents, text):
        image = self.vae.decode((latents / self.vae.config.scaling_factor).to(self.decoder_dtype)).sample.float()
        image, side = (image / 2 + 0.5).clamp(0, 1), self.clip.config.vision_config.image_size
        image = interpolate(image, (side, side), mode="bicubic", antialias=True)
        out = self.clip.vision_model(((image - self.mean) / self.std).to(self.decoder_dtype)).pooler_output
        cosine = (normalize(self.clip.visual_projection(out).float(), dim=-1) * text).sum(-1)
        return self.clip.logit_scale.exp().float() * cosine

    def update(self, noise, context, pooled, text):
        """One optimiser step; no value leaves the device."""
        x, kl, first = noise * (1 + self.sigmas[0] ** 2) ** 0.5, 0.0, self.args.steps - self.args.truncation
        for i in range(self.args.steps):
            with torch.set_grad_enabled(i >= first):
                d = self.predict(x, i, context, pooled, tuned=True)
            if i >= first:
                with torch.no_grad():
                    base = self.predict(x, i, context, pooled, tuned=False)
                kl = kl + (d - base).square().mean() / self.args.truncation
            x = x + (self.sigmas[i + 1] - self.sigmas[i]) * d
        reward = self.reward(x, text).mean()
        (KL_COEFF * kl - reward).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.trained, CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return reward.detach(), norm

    def step(self, noise, captions):
        inputs = [noise.to(self.args.device), *self.encode(captions)]
        if not self.args.cuda_graph:
            return self.update(*inputs)
        if self.graph is None:
            self.capture(inputs)
        for static, value in zip(self.inputs, inputs):
            static.copy_(value)
        self.graph.replay()
        return self.outputs

    def capture(self, inputs):
        self.inputs = [value.clone() for value in inputs]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.update(*self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.outputs = self.update(*self.inputs)

    def seconds(self, captions, count):
        """Of `count` steps, each until its reward is known."""
        found = []
        for k in range(count):
            batch = [captions[(k * self.args.batch + j) % len(captions)] for j in range(self.args.batch)]
            noise = torch.randn(self.args.batch, 4, self.latent, self.latent)
            begin = time.perf_counter()
            reward, norm = self.step(noise, batch)
            self.last = reward.item(), norm.item()
            found.append(time.perf_counter() - begin)
        return found

    def peak_mib(self):
        if self.args.device.startswith("cuda"):
            return torch.cuda.max_memory_allocated() / 2**20
        return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1024


def our_seconds(args):
    """Seconds of each step after the warm-up, from log.jsonl."""
    with tempfile.TemporaryDirectory() as folder:
        flags = {"model": args.model, "reward": f"{args.model}/reward_model", "prompts": f"{args.model}/prompts/train.txt",
                 "output_dir": f"{folder}/run", "max_steps": args.warmup + args.reps, "micro_batch_size": args.batch,
                 "global_batch_size": args.batch, "steps": args.steps, "truncation_steps": args.truncation,
                 "lora_rank": args.lora_rank, "guidance_scale": SCALE, "kl_coeff": KL_COEFF}
        command = shlex.split(args.ours) + [f"--{name}={value}" for name, value in flags.items()]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        lines = pathlib.Path(f"{folder}/run/log.jsonl").read_text().splitlines()
    found = [json.loads(line)["seconds"] for line in lines if "seconds" in json.loads(line)]
    return found[args.warmup :]


def parse(add=lambda parser: None):
    """The settings of a step; `add` gives the parser further ones."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", help="a pipeline's folder with reward_model/ and prompts/train.txt in it")
    parser.add_argument("--ours", help="the program to compare with, and flags of its own")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=DTYPES)
    parser.add_argument("--decoder-dtype", default="float32", choices=DTYPES)
    parser.add_argument("--cuda-graph", action="store_true")
    parser.add_argument("--checkpointing", action="store_true", help="recompute the UNet's activations")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10, help="N")
    parser.add_argument("--truncation", type=int, default=2, help="K")
    parser.add_argument("--lora-rank", type=int, default=8)
    parser.add_argument("--size", type=int, help="of the images; by default the model's")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--reps", type=int, default=5, help="steps in a round")
    parser.add_argument("--rounds", type=int, default=3)
    add(parser)
    return parser.parse_args()


def main():
    args = parse()
    torch.manual_seed(0)
    captions = pathlib.Path(f"{args.model}/prompts/train.txt").read_text().splitlines()
    peer, peers, ours = Peer(args), [], []
    peer.seconds(captions, args.warmup)
    for _ in range(args.rounds):
        peers += peer.seconds(captions, args.reps)
        if args.ours:
            ours += our_seconds(args)
    result = {key: value for key, value in vars(args).items() if value is not None}
    result["peer"] = {"seconds": statistics.median(peers), "peak_memory_mib": peer.peak_mib(), "reward": peer.last[0],
                      "grad_norm": peer.last[1]}
    if ours:
        result["draftp"] = {"seconds": statistics.median(ours)}
        result["times_faster"] = statistics.median(peers) / statistics.median(ours)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
