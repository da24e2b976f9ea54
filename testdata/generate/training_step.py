"""One DRaFT+ training step in PyTorch, as the contract states it: what training.py and training_run.py write goldens of.

Networks, decoder and reward are functions, of diffusers, peft and transformers, in float64. `stop_gradient` is a tape
(Constants), so that a truncated gradient can be checked against finite differences.
"""

import dataclasses
import json
import platform

import diffusers
import numpy as np
import peft
import torch
import transformers
from diffusers import AutoencoderKL
from peft.tuners.lora import LoraLayer
from safetensors.torch import save_file
from torch.nn.functional import interpolate
from transformers import CLIPModel, CLIPTokenizer

VERSIONS = {module.__name__: module.__version__ for module in (torch, diffusers, peft, transformers)}
VERSIONS["python"] = platform.python_version()
STEPS, SCALE = 4, 5.0
DIFFUSERS_TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
TARGETS = {"diffusers": DIFFUSERS_TARGETS, "sdlora": DIFFUSERS_TARGETS + ["ff.net.0.proj", "ff.net.2"]}
KL_WEIGHTS = {"one": lambda sigma: 1.0, "inverse_sigma_squared": lambda sigma: sigma**-2, "half": lambda sigma: 0.5}


@dataclasses.dataclass
class Case:
    """What a training step does; `settings` is what the golden's metadata say of it."""

    targets: str = "sdlora"
    objective: str = "draft_k"
    k: int = 0
    m: int = 0
    weight: float = 0.001
    margin: float = 50.0
    train_steps: tuple = ()
    stop: int = 0
    kl_coeff: float = 0.0
    kl_weight: str = "one"
    sampler: str = "euler"
    inputs: str = "noise"

    def settings(self):
        own = {"draft_k": ["k"], "draft_lv": [], "refl": ["m", "weight", "margin"], "drtune": ["train_steps", "stop"]}
        names = ["targets", "objective", *own[self.objective], "kl_coeff", "kl_weight", "sampler", "inputs"]
        return {name: getattr(self, name) for name in names}


class Constants:
    """stop_gradient as a tape: in a replay it returns what the first run recorded, so that the loss becomes the
    function whose plain derivative is the truncated gradient."""

    def __init__(self):
        self.values, self.position = [], None

    def __call__(self, compute):
        if self.position is None:
            with torch.no_grad():
                self.values.append(compute())
            return self.values[-1]
        self.position += 1
        return self.values[self.position - 1]

    def replay(self):
        self.position = 0


def table_sigmas():
    """sqrt of the float32-rounded (1 - abar)/abar, the root in float64 (draftp/schedule/ddpm_table.h)."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2
    abar = np.cumprod(1 - betas)
    return np.sqrt(((1 - abar) / abar).astype(np.float32).astype(np.float64))


def legacy_ddpm(n):
    return torch.from_numpy(np.append(table_sigmas()[np.linspace(999, 0, n, endpoint=False).astype(int)], 0.0))


class PickScore:
    def __init__(self, model):
        self.clip = CLIPModel.from_pretrained(f"{model}/reward_model").double().eval().requires_grad_(False)
        self.tokenizer = CLIPTokenizer.from_pretrained(f"{model}/tokenizer")
        self.side = self.clip.config.vision_config.image_size
        self.mean = torch.tensor([0.48145466, 0.4578275, 0.40821073], dtype=torch.float64).reshape(3, 1, 1)
        self.std = torch.tensor([0.26862954, 0.26130258, 0.27577711], dtype=torch.float64).reshape(3, 1, 1)

    def __call__(self, image, captions):
        """image [B,3,H,W] in [0,255] -> [B]"""
        short = min(image.shape[2:])
        size = [int(self.side * side / short) for side in image.shape[2:]]
        x = interpolate(image, size, mode="bicubic", antialias=True)
        top, left = (int(round((side - self.side) / 2.0)) for side in size)
        x = x[:, :, top : top + self.side, left : left + self.side]
        tokens = self.tokenizer(captions, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
        out = self.clip(pixel_values=(x / 255 - self.mean) / self.std, **tokens)
        return self.clip.logit_scale.exp() * (out.image_embeds * out.text_embeds).sum(-1)


class Step:
    """The loss of one micro-batch; `tuned` and `base` evaluate eps(x, index) of the doubled rows."""

    def __init__(self, tuned, base, noise, copies, conditioning, decode, reward, case, constants):
        self.tuned, self.base, self.noise, self.copies = tuned, base, noise, copies
        self.decode, self.reward, self.case, self.constants = decode, reward, case, constants
        doubled = [torch.cat([torch.zeros_like(value), value]) for value in conditioning[:2]]
        self.conditioning = *doubled, torch.cat([conditioning[2]] * 2)
        self.table = torch.from_numpy(table_sigmas())
        self.sigmas = legacy_ddpm(STEPS).tolist()
        self.kl_terms = []

    def guided(self, network, x, sigma, network_input=None, output=lambda compute: compute()):
        """D(x; sigma) under guidance; `output` may make a constant of the network's output."""
        index = (self.table - sigma).abs().argmin()
        q = self.table[index]
        source = x if network_input is None else network_input
        eps = output(lambda: network(torch.cat([source, source]) / (q**2 + 1).sqrt(), index, *self.conditioning))
        uncond, cond = (torch.cat([x, x]) - q * eps).chunk(2)
        return uncond + SCALE * (cond - uncond)

    def observe(self, x, sigma, denoised):
        """A term of the KL: the frozen base at the same x."""
        d_base = self.constants(lambda: (x - self.guided(self.base, x, sigma)) / sigma)
        self.kl_terms.append(KL_WEIGHTS[self.case.kl_weight](sigma) * ((x - denoised) / sigma - d_base).square().mean())

    def transition(self, x, i, denoiser, observe=lambda *_: None):
        sigma, following = self.sigmas[i], self.sigmas[i + 1]
        denoised = denoiser(x, sigma)
        observe(x, sigma, denoised)
        d = (x - denoised) / sigma
        euler = x + (following - sigma) * d
        if self.case.sampler == "euler" or following == 0:
            return euler
        corrected = (euler - denoiser(euler, following)) / following
        return x + (following - sigma) * (d + corrected) / 2

    def plain(self, x, sigma):
        return self.guided(self.tuned, x, sigma)

    def rollout(self, first_with_gradient, steps=STEPS):
        x = self.noise * (1 + self.sigmas[0] ** 2) ** 0.5
        for i in range(steps):
            if i < first_with_gradient:
                x = self.constants(lambda: self.transition(x, i, self.plain))
            else:
                x = self.transition(x, i, self.plain, self.observe)
        return x

    def predict(self, x, sigma):
        denoised = self.plain(x, sigma)
        self.observe(x, sigma, denoised)
        return denoised

    def drtune(self):
        x = self.noise * (1 + self.sigmas[0] ** 2) ** 0.5
        for i in range(self.case.stop + 1):
            trained = i in self.case.train_steps
            network_input = self.constants(lambda: x.clone())
            denoised = self.guided(
                self.tuned, x, self.sigmas[i], network_input, (lambda f: f()) if trained else self.constants
            )
            if trained:
                self.observe(x, self.sigmas[i], denoised)
            if i == self.case.stop:
                return denoised
            x = self.transition(x, i, lambda *_: denoised)

    def latents(self):
        if self.case.objective == "draft_k":
            return self.rollout(STEPS - self.case.k)
        if self.case.objective == "drtune":
            return self.drtune()
        if self.case.objective == "refl":
            return self.predict(self.rollout(STEPS, steps=self.case.m), self.sigmas[self.case.m])
        x = self.rollout(STEPS)
        return torch.stack([self.predict(x + self.sigmas[-2] * eps, self.sigmas[-2]) for eps in self.copies])

    def run(self, captions):
        latents = self.latents()
        image = self.decode(latents.reshape(-1, *latents.shape[-3:]))
        reward = self.reward(image, captions * (len(image) // len(captions))).reshape(latents.shape[:-3])
        kl = sum(self.kl_terms) / len(self.kl_terms)
        if self.case.objective == "refl":
            loss = self.case.weight * (self.case.margin - reward).relu().mean()
        else:
            loss = -reward.mean()
        return {"loss": loss + self.case.kl_coeff * kl, "reward": reward, "kl": kl, "latents": latents, "image": image}


def evaluate(unet, enable=None):
    layers = [module for module in unet.modules() if isinstance(module, LoraLayer)]

    def network(rows, index, context, pooled, time_ids):
        for layer in layers:
            layer._disable_adapters = not enable  # disable_adapters() would end requires_grad as well
        added = {"text_embeds": pooled, "time_ids": time_ids}
        return unet(rows, index, encoder_hidden_states=context, added_cond_kwargs=added).sample

    return network


def decoder(model, scaling_factor):
    vae = AutoencoderKL.from_pretrained(f"{model}/vae").double().eval().requires_grad_(False)
    return lambda latents: (vae.decode(latents / scaling_factor).sample / 2 + 0.5).clamp(0, 1) * 255


def write(path, tensors, about):
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
    # One key: the writer puts several into an order of the run.
    save_file(tensors, path, metadata={"golden": json.dumps(about, sort_keys=True)})
    print(path.name, path.stat().st_size)
