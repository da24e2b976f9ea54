"""Bandwidths of NCCL's collectives between the GPUs of a host, for scaling.md.

  torchrun --nproc-per-node=N benchmarks/collectives.py

One JSON line a size: seconds (median of 20) and bus bandwidth in GB/s, as nccl-tests counts it."""

import json
import os
import statistics

import torch
import torch.distributed as dist

dist.init_process_group("nccl")
rank, world = dist.get_rank(), dist.get_world_size()
torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def seconds(run):
    times = []
    for trial in range(25):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        if trial >= 5:
            times.append(begin.elapsed_time(end) / 1e3)
    return statistics.median(times)


for mib in (1, 25, 89, 1024, 4096):
    elements = (mib << 18) // world * world
    whole = torch.ones(elements, device="cuda")
    part = torch.ones(elements // world, device="cuda")
    ring = (world - 1) / world
    figures = {
        "all_reduce": (seconds(lambda: dist.all_reduce(whole)), 2 * ring),
        "reduce_scatter": (seconds(lambda: dist.reduce_scatter_tensor(part, whole)), ring),
        "all_gather": (seconds(lambda: dist.all_gather_into_tensor(whole, part)), ring),
    }
    if rank == 0:
        line = {"world": world, "MiB": mib, "gpu": torch.cuda.get_device_name()}
        for name, (time, factor) in figures.items():
            line[name] = {"seconds": round(time, 6), "GB/s": round(elements * 4 * factor / time / 1e9, 1)}
        print(json.dumps(line), flush=True)
dist.destroy_process_group()
