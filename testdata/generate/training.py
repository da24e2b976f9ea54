"""Golden gradients of one DRaFT+ training step: diffusers + peft + transformers in float64.

Command:  OMP_NUM_THREADS=1 python testdata/generate/training.py testdata
Seed:     noise from torch.Generator().manual_seed(1243 + g); weights are the formula `hash_tensor` of their names
Versions: recorded in the metadata

Writes, under testdata/:
  configs/unet_training/config.json  a UNet of the SDXL family that takes the embedded model's conditioning; no weights
  goldens/training.safetensors       loss, reward, KL, latents and the gradient of every trainable tensor

What is computed (docs: the contract's "DRaFT+ training step"): LegacyDDPM levels with N = 4, guidance 5 on D, all-zero
unconditional embeddings, KL = mean over the evaluations with gradient of kl_weight(sigma) * mean((d - d_base)^2),
d = (x - D)/sigma guided, d_base a constant; image = clamp((vae.decode(latents / scaling_factor) + 1)/2, 0, 1) * 255;
reward = PickScore of tiny_sdxl/reward_model, tokenized by tiny_sdxl/tokenizer.
loss = -mean(reward) + kl_coeff * KL; ReFL: weight * mean(relu(margin - reward)) + kl_coeff * KL.

goldens/training.safetensors. Metadata has one key, "golden", JSON with:
  versions; captions [2]; sigmas [5]; scaling_factor: of the VAE decoder here in place of its config's (the pictures of a
  random UNet would be clamped everywhere otherwise); guidance_scale; lora_rank; lora_alpha; cases {NAME: settings}
Tensors (float64 unless said):
  inputs.noise [2,4,8,12]; inputs.copies [2 copies,2,4,8,12]: draws of draft_lv; inputs.wide_noise [2,4,10,12];
  inputs.context [2,77,192], inputs.pooled [2,128]: float32 values; inputs.time_ids [2,6], inputs.wide_time_ids [2,6]
  lora.PATH.lora_A [2,in], lora.PATH.lora_B [out,2]: the adapter; `diffusers` targets are the subset of `sdlora`'s
  NAME.loss [], NAME.reward [2] (draft_lv: [2 copies,2]), NAME.kl [] (before kl_coeff), NAME.grad_norm [] (all tensors)
  NAME.latents float32: what is decoded, [2,4,8,12] (draft_lv: [2 copies,2,...])
  NAME.gradient.PATH.lora_A / .lora_B; of full fine-tuning NAME.gradient.PATH.weight / .bias, float32
  sdlora_k1.image [1,3,64,96] float32: the first picture of every sdlora case of draft_k with Euler
Weights of the UNet: formula_weight of unet.py. Full fine-tuning's frozen base: those + 0.02 * hash_tensor(NAME + ".base").

Settings of a case: targets: sdlora | diffusers | full; objective: draft_k (k) | draft_lv | refl (m, weight, margin) |
drtune (train_steps, stop); kl_coeff; kl_weight: one | inverse_sigma_squared | half; sampler: euler | heun; inputs: noise | wide_noise.
  draft_k   the last k steps with gradient (alignprop_k3: a draw of AlignProp)
  draft_lv  x_N without gradient; x^(j) = x_N + sigma_{N-1} copies[j]; latents D(x^(j); sigma_{N-1}); means over copies
  refl      steps before m without gradient; latents D(x_m; sigma_m)
  drtune    the network's input is a constant in every step, its output too in the steps outside train_steps, while x
            keeps its gradient; latents D(x_stop; sigma_stop); KL over the train_steps
Each case's gradient is checked here against a finite difference in one direction, all constants held.
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
from PIL import Image
from training_step import (
    SCALE,
    STEPS,
    TARGETS,
    VERSIONS,
    Case,
    Constants,
    PickScore,
    Step,
    decoder,
    evaluate,
    legacy_ddpm,
    write,
)
from unet import COMMON, fill, hash_tensor

SEED, RANK, ALPHA, SCALING_FACTOR = 1243, 2, 4, 8.0
MICRO = COMMON | {
    "block_out_channels": [8, 12],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    "layers_per_block": 1,
    "transformer_layers_per_block": 1,
    "attention_head_dim": 2,
    "cross_attention_dim": 192,
    "use_linear_projection": True,
    "norm_num_groups": 4,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 32,
    "projection_class_embeddings_input_dim": 320,
}


def micro_unet(config):
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(config)
    return fill(unet.to_empty(device="cpu"))


def adapter(unet, targets):
    """Adds the adapter of formula weights; returns its tensors by name."""
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=TARGETS[targets]))
    unet.double().requires_grad_(False)
    tensors = {}
    for path, module in sorted(unet.named_modules()):
        if isinstance(module, LoraLayer):
            a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
            a.data = hash_tensor(f"{path}.lora_A", *a.shape) / a.shape[1] ** 0.5
            b.data = 0.2 * hash_tensor(f"{path}.lora_B", *b.shape) / b.shape[1] ** 0.5
            tensors |= {f"{path}.lora_A": a, f"{path}.lora_B": b}
    return tensors


def models(case):
    """tuned, base and the trainable tensors by name"""
    unet = micro_unet(MICRO)
    if case.targets != "full":
        trainable = adapter(unet, case.targets)
        networks = evaluate(unet, True), evaluate(unet, False)
    else:
        base = micro_unet(MICRO)
        for name, parameter in base.named_parameters():
            parameter.data += 0.02 * hash_tensor(f"{name}.base", *parameter.shape)
        trainable = dict(unet.named_parameters())
        networks = evaluate(unet), evaluate(base)
    for parameter in trainable.values():
        parameter.requires_grad_(True)
    return *networks, trainable


def check_direction(make_step, constants, captions, trainable, gradients, name):
    """(loss(+h) - loss(-h)) / 2h along one direction, constants held, against <gradient, direction>."""
    direction = {key: hash_tensor(f"{key}.direction", *value.shape) for key, value in trainable.items()}
    expected = sum((gradients[key] * direction[key]).sum() for key in trainable).item()
    losses = []
    with torch.no_grad():
        for h in (1e-6, -2e-6):
            for key, parameter in trainable.items():
                parameter += h * direction[key]
            constants.replay()
            losses.append(make_step().run(captions)["loss"].item())
        for key, parameter in trainable.items():
            parameter += 1e-6 * direction[key]
    found = (losses[0] - losses[1]) / 2e-6
    # A pixel that crosses the clamp within h, and the loss's last digits, leave some 1e-6 of the norm.
    norm = sum(g.square().sum() for g in gradients.values()).sqrt().item()
    assert abs(found - expected) < 3e-6 * norm * len(direction) ** 0.5, (name, found, expected, norm)
    return abs(found - expected) / abs(expected)


def cases():
    found = {}
    for targets in TARGETS:
        for k in (1, 2, STEPS):
            found[f"{targets}_k{k}"] = Case(targets, k=k)
            found[f"{targets}_k{k}_kl"] = Case(targets, k=k, kl_coeff=0.3)
    for k in (1, 2, STEPS):
        found[f"full_k{k}_kl"] = Case("full", k=k, kl_coeff=0.3)
    for weight in ("inverse_sigma_squared", "half"):
        found[f"sdlora_k2_kl_{weight}"] = Case(k=2, kl_coeff=0.3, kl_weight=weight)
    return found | {
        "heun_k2_kl": Case(k=2, kl_coeff=0.3, sampler="heun"),
        "alignprop_k3_kl": Case(k=3, kl_coeff=0.3),
        "draft_lv_kl": Case(objective="draft_lv", kl_coeff=0.3),
        "refl_m2_kl": Case(objective="refl", m=2, kl_coeff=0.0003),
        "refl_m3_half_clipped": Case(objective="refl", m=3, margin=4.0),
        "drtune_1_3_kl": Case(objective="drtune", train_steps=(1, 3), stop=3, kl_coeff=0.3),
        "drtune_0_1_stop_2_kl": Case(objective="drtune", train_steps=(0, 1), stop=2, kl_coeff=0.3),
        "wide_k1": Case("diffusers", k=1, inputs="wide_noise"),
    }


def draw(*shape, first=0):
    """Image g from its own generator, float32 values."""
    rows = [torch.randn(1, *shape[1:], generator=torch.Generator().manual_seed(SEED + first + g)) for g in range(shape[0])]
    return torch.cat(rows).double()


def shared_inputs(model, captions):
    with torch.no_grad():
        context, pooled = (value.float().double() for value in encode(model, captions))
    copies = torch.stack([draw(2, 4, 8, 12, first=2 + 2 * j) for j in range(2)])
    ids = [torch.tensor([[h, w, 0, 0, h, w]] * 2, dtype=torch.float64) for h, w in ((64, 96), (80, 96))]
    return {"noise": draw(2, 4, 8, 12), "wide_noise": draw(2, 4, 10, 12), "copies": copies, "context": context,
            "pooled": pooled, "time_ids": ids[0], "wide_time_ids": ids[1]}


def check_rewards(model, reward):
    """The pictures that came with the model score as said there."""
    for line in open(f"{model}/reference/rewards.txt").read().splitlines():
        folder, kind, index, score = line.split() if line.count(" ") == 3 else ("legacy_ddpm_euler_25", *line.split())
        files = f"{model}/reference/{folder}/annealed_outputs_sdxl_{kind}"
        path, caption = f"{files}/img_{int(index):05d}_00.png", open(f"{files}/prompt_{int(index):05d}_00.txt").read()
        pixels = torch.frombuffer(bytearray(Image.open(path).convert("RGB").tobytes()), dtype=torch.uint8)
        image = pixels.reshape(1, 128, 128, 3).permute(0, 3, 1, 2).double()
        with torch.no_grad():
            found = reward(image, [caption]).item()
        print(line, found)
        assert abs(found - float(score)) < 0.1, (line, found)


def gradient_goldens(root):
    model = str(root / "tiny_sdxl")
    (root / "configs" / "unet_training").mkdir(exist_ok=True)
    (root / "configs" / "unet_training" / "config.json").write_text(json.dumps(MICRO, indent=2) + "\n")
    captions = open(f"{model}/prompts/train.txt").read().split("\n")[:2]
    inputs, decode, reward = shared_inputs(model, captions), decoder(model, SCALING_FACTOR), PickScore(model)
    check_rewards(model, reward)
    goldens = {f"inputs.{name}": value for name, value in inputs.items()}
    for name in ("context", "pooled"):
        goldens[f"inputs.{name}"] = inputs[name].float()
    for name, case in cases().items():
        tuned, base, trainable = models(case)
        if name == "sdlora_k1":
            goldens |= {f"lora.{key}": value for key, value in trainable.items()}
        constants = Constants()
        conditioning = inputs["context"], inputs["pooled"], inputs[case.inputs.replace("noise", "time_ids")]
        noise = inputs[case.inputs]
        make_step = lambda: Step(tuned, base, noise, inputs["copies"], conditioning, decode, reward, case, constants)
        out = make_step().run(captions)
        gradients = dict(zip(trainable, torch.autograd.grad(out["loss"], list(trainable.values()))))
        error = check_direction(make_step, constants, captions, trainable, gradients, name)
        norm = torch.stack([g.square().sum() for g in gradients.values()]).sum().sqrt()
        clamped = ((out["image"] == 0) | (out["image"] == 255)).double().mean().item()
        print(f"{name:32} loss {out['loss']:.5f} reward {out['reward'].flatten().tolist()} kl {out['kl']:.5f} norm {norm:.5f}"
              f" clamped {clamped:.2f} latents {out['latents'].std():.2f} finite difference {error:.1e}", flush=True)
        goldens |= {f"{name}.{key}": out[key] for key in ("loss", "reward", "kl")}
        goldens[f"{name}.latents"] = out["latents"].float()
        goldens[f"{name}.grad_norm"] = norm
        small = case.targets == "full"
        goldens |= {f"{name}.gradient.{key}": g.float() if small else g for key, g in gradients.items()}
        if name == "sdlora_k1":
            goldens["sdlora_k1.image"] = out["image"][:1].float()
    about = {"versions": VERSIONS | {"generator": "testdata/generate/training.py"}, "captions": captions,
             "sigmas": legacy_ddpm(STEPS).tolist(), "guidance_scale": SCALE,
             "scaling_factor": SCALING_FACTOR, "lora_rank": RANK, "lora_alpha": ALPHA,
             "cases": {name: case.settings() for name, case in cases().items()}}
    write(root / "goldens" / "training.safetensors", goldens, about)


if __name__ == "__main__":
    assert os.environ.get("OMP_NUM_THREADS") == "1", "sums differ with the number of threads"
    gradient_goldens(pathlib.Path(sys.argv[1]))
