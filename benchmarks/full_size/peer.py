"""peer.py MODEL: the peer's rows of full_size.sh: diffusers and peft in bfloat16 and a CUDA graph, 1024x1024."""

import os
import statistics
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file

DTYPE = torch.bfloat16


def graphed(call):
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def milliseconds(call):
    for _ in range(3):
        call()
    times = []
    for _ in range(9):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        call()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times)


def row(what, call):
    print(f"| {what}, diffusers in a CUDA graph | {milliseconds(graphed(call)):.1f} ms |", flush=True)


def main(model):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    load = lambda cls, part: cls.from_pretrained(model, subfolder=part, torch_dtype=DTYPE).to(
        "cuda", memory_format=torch.channels_last).eval().requires_grad_(False)
    unet, vae = load(UNet2DConditionModel, "unet"), load(AutoencoderKL, "vae")
    generator = torch.Generator("cuda").manual_seed(1)
    random = lambda *shape: torch.randn(*shape, device="cuda", generator=generator, dtype=DTYPE)
    latents, context, time = random(2, 4, 128, 128).to(memory_format=torch.channels_last), random(2, 77, 2048), \
        torch.tensor(500.0, device="cuda")
    added = {"text_embeds": random(2, 1280),
             "time_ids": torch.tensor([[1024, 1024, 0, 0, 1024, 1024.0]] * 2, device="cuda", dtype=DTYPE)}
    call = lambda: unet(latents, time, context, added_cond_kwargs=added, return_dict=False)[0]
    with torch.no_grad():
        row("UNet, guided pair, base", call)
        unet.load_lora_adapter(load_file(os.path.join(model, "lora", "pytorch_lora_weights.safetensors")), prefix="unet")
        unet.to("cuda", DTYPE)
        row("the same, LoRA of rank 32 attached", call)
        row("decode in bfloat16", lambda: vae.decode(latents[:1], return_dict=False)[0])


main(sys.argv[1])
