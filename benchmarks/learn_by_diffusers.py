"""Trains the LoRA that //tools:train trains, by diffusers + peft: the reference of the learning curves in RESULTS.md.

  python3 benchmarks/learn_by_diffusers.py testdata/tiny_sdxl OUT --seed 5 --device cuda --dtype bf16 --cuda-graph --batch 32 \
      --steps 25 --truncation 5

The step is compare_training.py's; the learning rate falls from 2e-3 to 0 by a cosine over --max-steps, captions are drawn
from a shuffled train.txt. Writes OUT/log.jsonl (step, reward, grad_norm) and OUT/pytorch_lora_weights.safetensors.
"""

import json
import math
import pathlib
import random

import torch
from diffusers import StableDiffusionXLPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft.utils import get_peft_model_state_dict

import compare_training


def add(parser):
    parser.add_argument("out", type=pathlib.Path, help="folder of the log and the LoRA")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--max-steps", type=int, default=600)
    parser.add_argument("--clip", type=float, default=1.0, help="largest gradient norm")


def main():
    args = compare_training.parse(add)
    out = args.out
    out.mkdir(parents=True, exist_ok=True)
    compare_training.CLIP = args.clip
    torch.manual_seed(args.seed)
    captions = pathlib.Path(f"{args.model}/prompts/train.txt").read_text().splitlines()
    random.Random(args.seed).shuffle(captions)
    peer = compare_training.Peer(args)
    rate = torch.zeros((), device=args.device)
    peer.optimizer.param_groups[0]["lr"] = rate

    def batch(step):
        noise = torch.randn(args.batch, 4, peer.latent, peer.latent)
        return noise, [captions[(step * args.batch + j) % len(captions)] for j in range(args.batch)]

    if args.cuda_graph:  # what capturing leaves in the optimiser is taken back
        noise, first = batch(0)
        peer.capture([noise.to(args.device), *peer.encode(first)])
        for state in peer.optimizer.state.values():
            for value in state.values():
                value.zero_()
    with open(out / "log.jsonl", "w") as log:
        for step in range(args.max_steps):
            rate.fill_(compare_training.RATE * (1 + math.cos(math.pi * step / args.max_steps)) / 2)
            reward, norm = peer.step(*batch(step))
            log.write(json.dumps({"step": step + 1, "reward": reward.item(), "grad_norm": norm.item()}) + "\n")
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(peer.unet))
    StableDiffusionXLPipeline.save_lora_weights(out, unet_lora_layers=layers)


if __name__ == "__main__":
    main()
