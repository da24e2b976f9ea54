"""Golden decodes of AutoencoderKL in float64, by diffusers.

Command: OMP_NUM_THREADS=1 python3 testdata/generate/vae.py
Seed 20250302; torch 2.11.0, diffusers 0.39.0; exact versions are in each golden's metadata.
Writes testdata/configs/vae_*/{config.json,diffusion_pytorch_model.safetensors} (made-up weights,
float16) and testdata/goldens/vae_*.safetensors: latents as the sampler leaves them, z (rescaled as
the pipelines do), decoded = decode(z), image in [0,255], cotangent of the image, and latents_grad,
the gradient of sum(cotangent * image).
"""

import math
import pathlib

import diffusers
import safetensors
import safetensors.torch
import torch
from diffusers import AutoencoderKL

SEED = 20250302
ROOT = pathlib.Path(__file__).resolve().parents[1]


def blocks(n):
    return dict(down_block_types=["DownEncoderBlock2D"] * n,
                up_block_types=["UpDecoderBlock2D"] * n)


CASES = {
    "vae_mean_std": dict(
        block_out_channels=[8, 16], layers_per_block=2, norm_num_groups=4, latent_channels=4,
        sample_size=16, scaling_factor=0.5,
        latents_mean=[-0.25, 0.125, 0.5, -0.75], latents_std=[0.5, 1.25, 0.75, 1.5],
        use_quant_conv=False, use_post_quant_conv=False, **blocks(2)),
    "vae_no_attention": dict(
        block_out_channels=[8, 8, 16], layers_per_block=1, norm_num_groups=2, latent_channels=6,
        sample_size=16, scaling_factor=1.5, shift_factor=0.125, mid_block_add_attention=False,
        **blocks(3)),
}


def initialise(model, generator):
    """Unit-scale outputs; query and key gains that keep attention away from uniform."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if "norm" in name:
            value = 0.3 * noise + (1.0 if name.endswith("weight") else 0.0)
        elif name.endswith("bias"):
            value = 0.3 * noise
        else:
            gain = 1.5 if "to_q" in name or "to_k" in name else 1.0
            value = gain * noise / math.sqrt(parameter[0].numel())
        parameter.data.copy_(value)


def rescale(config, x):
    """As StableDiffusionXLPipeline does it, or with shift_factor StableDiffusion3Pipeline."""
    if config.latents_mean is not None:
        mean = torch.tensor(config.latents_mean, dtype=x.dtype).view(1, -1, 1, 1)
        std = torch.tensor(config.latents_std, dtype=x.dtype).view(1, -1, 1, 1)
        return x * std / config.scaling_factor + mean
    return x / config.scaling_factor + (config.shift_factor or 0.0)


def check_scales(model, z, decoded):
    """Outputs of unit scale, and attention that prefers some positions."""
    assert 0.3 < decoded.std() < 3, decoded.std()
    if not model.config.mid_block_add_attention:
        return
    seen = {}
    block = model.decoder.mid_block.attentions[0]
    hooks = [getattr(block, n).register_forward_hook(lambda m, i, o, n=n: seen.update({n: o}))
             for n in ("to_q", "to_k")]
    model.decode(z)
    for hook in hooks:
        hook.remove()
    q, k = seen["to_q"], seen["to_k"]
    p = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[-1]), -1)
    entropy = -(p * p.log()).sum(-1).mean()
    assert entropy < 0.9 * math.log(p.shape[-1]), entropy


def write_golden(name, model, generator, versions):
    model = model.to(torch.float64).eval().requires_grad_(False)
    shape = (2, model.config.latent_channels, 3, 5)
    latents = torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
    z = rescale(model.config, latents)
    decoded = model.decode(z, return_dict=False)[0]
    if "tiny" not in name:
        check_scales(model, z.detach(), decoded.detach())
    image = (decoded / 2 + 0.5).clamp(0, 1) * 255
    cotangent = torch.randn(image.shape, generator=generator, dtype=torch.float64)
    (grad,) = torch.autograd.grad((cotangent * image).sum(), latents)
    tensors = dict(latents=latents, z=z, decoded=decoded, image=image, cotangent=cotangent,
                   latents_grad=grad)
    safetensors.torch.save_file({k: v.detach().contiguous() for k, v in tensors.items()},
                                ROOT / "goldens" / f"{name}.safetensors", versions)


def main():
    generator = torch.Generator().manual_seed(SEED)
    versions = {"command": "python3 testdata/generate/vae.py", "seed": str(SEED),
                "torch": torch.__version__, "diffusers": diffusers.__version__,
                "safetensors": safetensors.__version__}
    for name, config in CASES.items():
        model = AutoencoderKL(**config)
        initialise(model, generator)
        folder = ROOT / "configs" / name
        model.to(torch.float16).save_pretrained(folder)
        model = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float64)
        write_golden(name, model, generator, versions)
    model = AutoencoderKL.from_pretrained(ROOT / "tiny_sdxl" / "vae", torch_dtype=torch.float64)
    write_golden("vae_tiny", model, generator, versions)


if __name__ == "__main__":
    main()
