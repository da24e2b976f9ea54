"""Times diffusers + peft + transformers, and //tools:evaluate beside it, at the same evaluation: six weight types drawn, written
as PNG files, and scored by reward and pairwise diversity.

  bazel build //tools:evaluate
  OMP_NUM_THREADS=2 python3 benchmarks/compare_evaluation.py testdata/tiny_sdxl --evaluate bazel-bin/tools/evaluate

Both in turns, round by round; a figure is the median over the rounds. evaluate's is the whole program from start to report, with
loading, intervals, distances and the page. The peer's is told twice, with its own imports and loading (of its one start) and
without. Needs torch, diffusers, transformers and peft.
"""

import time

BEGIN = time.perf_counter()

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import torch
from compare_diffusers import draw
from diffusers import StableDiffusionXLPipeline
from PIL import Image
from score_pictures import score
from transformers import CLIPModel, CLIPTokenizer

WEIGHTS = {"base": lambda u: 0.0, "draft": lambda u: 1.0, "linear": lambda u: u, "power_2": lambda u: u * u,
           "power_4": lambda u: u**4, "step_0.6": lambda u: float(u >= 0.6)}


@torch.no_grad()
def peer(args, pipe, model, tokenizer, prompts, folder):
    begin = time.perf_counter()
    captions = [prompt for prompt in prompts for _ in range(args.images)]
    results = {}
    for name in args.weights:
        own = pathlib.Path(folder) / f"annealed_outputs_sdxl_{name}"
        own.mkdir()
        for at in range(0, len(captions), args.batch):
            some = captions[at : at + args.batch]
            for i, picture in enumerate(draw(pipe, some, WEIGHTS[name], args.steps), at):
                Image.fromarray(picture.permute(1, 2, 0).numpy()).save(own / f"img_{i:05d}_00.png")
                (own / f"prompt_{i:05d}_00.txt").write_text(captions[i])
        results[name] = score(own, model, tokenizer)
    return time.perf_counter() - begin, results


def ours(args, folder):
    begin = time.perf_counter()
    subprocess.run([args.evaluate, f"--model={args.model}", f"--lora={args.model}/lora", f"--reward={args.reward}",
                    f"--prompts={args.captions}", f"--weight_type={','.join(args.weights)}", "--lora_scale=none",
                    f"--steps={args.steps}", f"--max_prompts={args.prompts}", f"--images_per_prompt={args.images}",
                    f"--batch_size={args.batch}", f"--device={args.device}", f"--dtype={args.dtype}",
                    f"--output_dir={folder}/out", "--quiet"], check=True, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    evaluation = json.loads(pathlib.Path(folder, "out", "evaluation.json").read_text())
    return seconds, {point["name"]: (point["rewards"][evaluation["rewards"][0]]["mean"], point["diversity"]["mean"],
                                     point["images"]) for point in evaluation["points"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--evaluate", required=True)
    parser.add_argument("--variant", help="of the weights' files, fp16 say")
    parser.add_argument("--reward", help="a CLIPModel's folder; the model's own is the default")
    parser.add_argument("--captions", help="a prompt a line; the model's own are the default")
    parser.add_argument("--weights", type=lambda names: names.split(","), default=list(WEIGHTS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--prompts", type=int, default=6)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    args.reward = args.reward or f"{args.model}/reward_model"
    args.captions = args.captions or f"{args.model}/prompts/validation.txt"
    pipe = StableDiffusionXLPipeline.from_pretrained(args.model, variant=args.variant,
                                                     torch_dtype=getattr(torch, args.dtype)).to(args.device)
    pipe.load_lora_weights(f"{args.model}/lora")
    pipe.vae.float()
    model = CLIPModel.from_pretrained(args.reward, dtype=torch.float32).eval().to(args.device)
    tokenizer = CLIPTokenizer.from_pretrained(f"{args.model}/tokenizer")
    with open(args.captions) as file:
        prompts = file.read().split("\n")[: args.prompts]
    start = time.perf_counter() - BEGIN
    draw(pipe, prompts[:1], WEIGHTS["linear"], 2)  # warms up
    peers, own = [], []
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            seconds, scores = peer(args, pipe, model, tokenizer, prompts, folder)
            peers.append(seconds)
        with tempfile.TemporaryDirectory() as folder:
            seconds, results = ours(args, folder)
            own.append(seconds)
    for name in args.weights:
        print(f"{name}: diffusers reward {scores[name][0]:.3f}, diversity {scores[name][1]:.4f}, {scores[name][2]} pictures; "
              f"draftp {results[name][0]:.3f}, {results[name][1]:.4f}, {results[name][2]}")
    theirs, mine = statistics.median(peers), statistics.median(own)
    print(f"{args.device} {args.dtype} batch {args.batch}: diffusers {theirs:.1f} s, with imports and loading {start + theirs:.1f} s; "
          f"draftp {mine:.1f} s, {theirs / mine:.2f} and {(start + theirs) / mine:.2f} times faster")


main()
