"""measure.py PART BIN OUT: draftp's rows of full_size.sh. PART: sampling, training or memory; OUT/model is the model.

A call of the UNet is what 6 pictures take longer to sample than 2, by their steps, so that loading, recording and first uses
stay out; likewise decoding, encoding, and the whole picture. A training step is the median from the fourth on."""

import json
import os
import shutil
import statistics
import subprocess
import sys

STEPS, FEW, MANY = 25, 2, 6
CAPTIONS = ["a red fox in the snow", "a lighthouse at dusk", "a bowl of oranges", "an old tram in the rain",
            "a violin on a chair", "two boats on a lake"]


class Bench:
    def __init__(self, bin_folder, out):
        self.bin, self.out, self.model = bin_folder, out, os.path.join(out, "model")
        self.lora = os.path.join(self.model, "lora")

    def run(self, program, flags):
        folder = os.path.join(self.out, "run")
        shutil.rmtree(folder, ignore_errors=True)
        command = [os.path.join(self.bin, program), "--model", self.model, "--device", "cuda", "--dtype", "bfloat16",
                   "--quiet", "--output_dir", folder] + [str(f) for f in flags]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
        with open(os.path.join(folder, "run.json"), encoding="utf-8") as file:
            return json.load(file)["result"], folder

    def anneal(self, pictures, flags):
        prompts = os.path.join(self.out, "prompts.txt")
        with open(prompts, "w", encoding="utf-8") as file:
            file.write("\n".join(CAPTIONS[i % len(CAPTIONS)] for i in range(pictures)) + "\n")
        return self.run("anneal", ["--prompts", prompts, "--images_per_prompt", 1, *flags])[0]

    def per_picture(self, flags, few=FEW, many=MANY):
        """Seconds by phase that each further picture takes."""
        first, second = (self.anneal(n, flags)["seconds"] for n in (few, many))
        return {phase: (second[phase] - first[phase]) / (many - few) for phase in ("encode", "sample", "decode")}

    def step(self, flags):
        result, folder = self.run("train", ["--prompts", os.path.join(self.out, "prompts.txt"), "--reward",
                                            os.path.join(self.model, "reward"), "--steps", STEPS, "--micro_batch_size", 1,
                                            "--global_batch_size", 1, "--max_steps", 12, "--kl_coeff", 0.1,
                                            "--val_check_interval", 0, *flags])
        with open(os.path.join(folder, "log.jsonl"), encoding="utf-8") as file:
            seconds = [json.loads(line)["seconds"] for line in file]
        return statistics.median(seconds[3:]), result["peak_device_memory_mib"] / 1024


def row(what, value):
    print(f"| {what} | {value} |", flush=True)


def sampling(bench):
    for what, flags, unet in (("UNet, guided pair, base", ["--weight_type", "base"], True),
                              ("the same, LoRA of rank 32 attached", ["--weight_type", "draft", "--lora", bench.lora], True),
                              ("base and tuned pair in one step", ["--weight_type", "linear", "--lora", bench.lora], True)):
        seconds = bench.per_picture(["--batch_size", 1, "--steps", STEPS, *flags])
        row(what, f"{1000 * seconds['sample'] / STEPS:.1f} ms")
        row("a picture of it: encoding, sampling, decoding", f"{sum(seconds.values()):.2f} s, of them encoding "
            f"{1000 * seconds['encode']:.0f} ms, decoding {1000 * seconds['decode']:.0f} ms")
    batch = 8
    seconds = bench.per_picture(["--batch_size", batch, "--steps", 20, "--weight_type", "base"], batch, 3 * batch)
    row("20 steps, batch 8", f"{1 / sum(seconds.values()):.2f} images/s")


def training(bench):
    bench.anneal(1, ["--steps", 1, "--weight_type", "base"])  # writes the prompts
    for what, flags in (("DRaFT+ step, K 1, LoRA of rank 32, CLIP-H", ["--lora_rank", 32]),
                        ("the same, activation checkpointing", ["--lora_rank", 32, "--activation_checkpointing"]),
                        ("the whole UNet, activation checkpointing", ["--peft_scheme", "none", "--activation_checkpointing"])):
        seconds, peak = bench.step(flags)
        row(what, f"{seconds:.3f} s, {peak:.1f} GiB")


def memory(bench):
    for side in (1024, 1536):
        for mode in ("fast", "balanced", "small"):
            result = bench.anneal(2, ["--steps", 8, "--weight_type", "base", "--batch_size", 1, "--height", side, "--width",
                                      side, "--memory", mode])
            seconds = result["seconds"]
            row(f"`anneal`, {side}x{side}, `--memory {mode}`", f"{result['peak_device_memory_mib'] / 1024:.1f} GiB; two "
                f"pictures of 8 steps: sampling {seconds['sample']:.2f} s, encoding {seconds['encode']:.2f} s, decoding "
                f"{seconds['decode']:.2f} s")


PARTS = {"sampling": sampling, "training": training, "memory": memory}
PARTS[sys.argv[1]](Bench(sys.argv[2], sys.argv[3]))
