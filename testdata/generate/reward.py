"""Golden scores, image gradients and preprocessed pixels of CLIP rewards, by transformers.

Command: OMP_NUM_THREADS=1 python3 testdata/generate/reward.py
torch 2.11.0, transformers 5.17.0; exact versions are in each golden's metadata.
Weights and inputs are hash_tensor of their names: SplitMix64, the same in draftp/testing/hash_tensor.h.
Writes testdata/configs/reward_{gelu_new,open_clip}/ (made-up weights, float16; the second with open_clip's
tensor names) and testdata/goldens/reward_*.safetensors.

The pixels' oracle is torchvision's Resize(size, BICUBIC, antialias=True) and CenterCrop(size) as written in
torchvision/transforms/functional.py, over the same torch.nn.functional.interpolate.
"""

import json
import math
import pathlib
import shutil

import numpy
import safetensors
import safetensors.torch
import torch
import transformers
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[1]
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CAPTIONS = ["a red star on a blue background", "", "small green heart above a large white ring!"]
MASK = (1 << 64) - 1
STRIDE = 3
SIZES = {  # vocabulary and end-of-text are those of the embedded tokenizer
    "gelu_new": dict(
        projection_dim=20,
        text_config=dict(vocab_size=738, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                         num_attention_heads=4, max_position_embeddings=77, hidden_act="quick_gelu",
                         bos_token_id=736, eos_token_id=737, pad_token_id=737),
        # 26 = 3 * 8 + 2: pixels beyond the last whole patch.
        vision_config=dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
                           image_size=26, patch_size=8, hidden_act="gelu_new", layer_norm_eps=1e-3)),
    # Pools the greatest id, as open_clip does.
    "open_clip": dict(
        projection_dim=24,
        text_config=dict(vocab_size=738, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
                         num_attention_heads=2, max_position_embeddings=77, hidden_act="gelu",
                         bos_token_id=0, eos_token_id=2, pad_token_id=1),
        vision_config=dict(hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=3,
                           image_size=28, patch_size=7, hidden_act="gelu")),
}
OPEN_CLIP_CONFIG = {  # laion's ViT-H-14 file has these keys
    "model_cfg": {"embed_dim": 24,
                  "vision_cfg": {"image_size": 28, "layers": 2, "width": 48, "head_width": 16, "patch_size": 7},
                  "text_cfg": {"context_length": 77, "vocab_size": 738, "width": 32, "heads": 2, "layers": 1}},
    "preprocess_cfg": {"mean": MEAN, "std": STD}}


def hash_tensor(name, shape):
    """Unit variance, float64: see hash_tensor.h."""
    seed = 0xCBF29CE484222325
    for c in name.encode():
        seed = ((seed ^ c) * 0x100000001B3) & MASK
    count = math.prod(shape)
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(seed) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    z ^= z >> numpy.uint64(31)
    values = (2 * numpy.ldexp((z >> numpy.uint64(11)).astype(numpy.float64), -53) - 1) * math.sqrt(3.0)
    return torch.from_numpy(values.reshape(shape))


def image(name, batch, height, width):
    """Smooth pictures with some noise, uint8."""
    noise = hash_tensor(name, (batch, 3, height, width))
    y = torch.linspace(0, 3, height, dtype=torch.float64)[:, None]
    x = torch.linspace(0, 4, width, dtype=torch.float64)
    phase = torch.arange(3 * batch, dtype=torch.float64).view(batch, 3, 1, 1)
    return (127.5 + 80 * torch.sin(y + x * x / 3 + phase) + 20 * noise).clamp(0, 255).to(torch.uint8)


def initialise(model):
    """Unit-scale outputs, attention away from uniform."""
    for name, parameter in model.named_parameters():
        noise = hash_tensor(name, tuple(parameter.shape))
        if name == "logit_scale":
            value = torch.tensor(2.5)
        elif "embedding" in name and "patch" not in name:
            value = noise
        elif "norm" in name or "layrnorm" in name:
            value = 0.3 * noise + (1.0 if name.endswith("weight") else 0.0)
        elif name.endswith("bias"):
            value = 0.3 * noise
        else:
            gain = 1.5 if "q_proj" in name or "k_proj" in name else 1.0
            value = gain * noise / math.sqrt(parameter[0].numel())
        parameter.data.copy_(value)


def preprocess(x, size):
    height, width = x.shape[-2:]
    short, long = min(height, width), max(height, width)
    new_short, new_long = size, int(size * long / short)
    new = (new_short, new_long) if height <= width else (new_long, new_short)
    if new != (height, width):
        x = torch.nn.functional.interpolate(x, new, mode="bicubic", antialias=True, align_corners=False)
    top, left = int(round((new[0] - size) / 2.0)), int(round((new[1] - size) / 2.0))
    x = x[..., top:top + size, left:left + size] / 255
    return (x - torch.tensor(MEAN, dtype=x.dtype).view(3, 1, 1)) / torch.tensor(STD, dtype=x.dtype).view(3, 1, 1)


def tokens(captions):
    tokenizer = CLIPTokenizer.from_pretrained(ROOT / "tiny_sdxl" / "tokenizer")
    return tokenizer(captions, padding="max_length", truncation=True, max_length=77, return_tensors="pt").input_ids


def score(model, images, ids, factor):
    """Scores, and of sum(score * (1, 2, 3)) the gradient's norm and every STRIDE-th of its rows and columns."""
    images = images.clone().requires_grad_()
    out = model(input_ids=ids, pixel_values=preprocess(images, model.config.vision_config.image_size))
    cosine = (out.image_embeds * out.text_embeds).sum(-1)
    scores = cosine * (model.logit_scale.exp() if factor is None else factor)
    weights = torch.arange(1, len(ids) + 1, dtype=scores.dtype)
    gradient, = torch.autograd.grad((scores * weights).sum(), images)
    return {"score": scores.detach(), "gradient": gradient[..., ::STRIDE, ::STRIDE], "gradient_norm": gradient.norm(),
            "text": out.text_embeds.detach(), "image": out.image_embeds.detach()}


def to_open_clip(tensors):
    """transformers' names to open_clip's."""
    renamed = {"logit_scale": tensors["logit_scale"]}
    plain = {"class_embedding": "class_embedding", "patch_embedding.weight": "conv1.weight",
             "position_embedding.weight": "positional_embedding", "token_embedding.weight": "token_embedding.weight"}
    for tower, prefix, norms in (("vision_model", "visual.", {"pre_layrnorm": "ln_pre", "post_layernorm": "ln_post"}),
                                 ("text_model", "", {"final_layer_norm": "ln_final"})):
        of = {n[len(tower) + 1:]: t for n, t in tensors.items() if n.startswith(tower)}
        for name, t in of.items():
            part = name.split(".")
            if part[0] == "embeddings":
                renamed[prefix + plain[".".join(part[1:])]] = t
            elif part[0] in norms:
                renamed[prefix + norms[part[0]] + "." + part[1]] = t
            else:
                block, rest = f"{prefix}transformer.resblocks.{part[2]}.", ".".join(part[3:])
                for a, b in (("layer_norm", "ln_"), ("self_attn.out_proj", "attn.out_proj"), ("mlp.fc1", "mlp.c_fc"),
                             ("mlp.fc2", "mlp.c_proj")):
                    rest = rest.replace(a, b)
                if "q_proj" in rest:
                    stacked = [of[name.replace("q_proj", x + "_proj")] for x in "qkv"]
                    renamed[block + "attn.in_proj_" + part[-1]] = torch.cat(stacked)
                elif "_proj" not in rest or "out_proj" in rest or "c_proj" in rest:
                    renamed[block + rest] = t
    renamed["visual.proj"] = tensors["visual_projection.weight"].T.contiguous()
    renamed["text_projection"] = tensors["text_projection.weight"].T.contiguous()
    return renamed


def write_model(name):
    folder = ROOT / "configs" / f"reward_{name}"
    shutil.rmtree(folder, ignore_errors=True)
    model = CLIPModel(CLIPConfig(**SIZES[name]))
    initialise(model)
    model = model.to(torch.float16)
    if name == "open_clip":
        folder.mkdir()
        safetensors.torch.save_file(to_open_clip(model.state_dict()), folder / "HPS_v2.1.safetensors")
        (folder / "open_clip_config.json").write_text(json.dumps(OPEN_CLIP_CONFIG, indent=2) + "\n")
        return model
    model.save_pretrained(folder)
    return model


def save(name, tensors, versions):
    tensors = {k: v.contiguous() for k, v in tensors.items()}
    safetensors.torch.save_file(tensors, ROOT / "goldens" / f"reward_{name}.safetensors", versions)


def write_scores(name, model, picture, captions, factor, versions):
    golden = {"images": picture}
    for dtype, suffix in ((torch.float64, ".f64"), (torch.float32, ".f32")):
        result = score(model.to(dtype).eval(), picture.to(dtype), tokens(captions), factor)
        golden |= {key + suffix: value for key, value in result.items()}
    save(name, golden, versions | {"captions": json.dumps(captions)})


def write_pixels(versions):
    """Up and down, odd, even, neither side a multiple, square or not; a crop that rounds half to even."""
    golden = {}
    for height, width, size in ((64, 64, 16), (9, 9, 20), (37, 23, 14), (15, 50, 8), (16, 25, 16), (21, 14, 14),
                                (28, 43, 28)):
        key = f"{height}x{width}_{size}"
        pictures = image(key, 1, height, width)
        golden[key + ".images"] = pictures
        golden[key + ".f64"] = preprocess(pictures.to(torch.float64), size)
    save("pixels", golden, versions)


def main():
    versions = {"command": "python3 testdata/generate/reward.py", "torch": torch.__version__,
                "transformers": transformers.__version__, "safetensors": safetensors.__version__}
    tiny = CLIPModel.from_pretrained(ROOT / "tiny_sdxl" / "reward_model")
    write_scores("tiny", tiny, image("square", 1, 128, 128), CAPTIONS[:1], None, versions)
    write_scores("tiny_wide", tiny, image("wide", 1, 64, 96), CAPTIONS[2:], None, versions)
    write_scores("gelu_new", write_model("gelu_new"), image("tall", 3, 31, 27), CAPTIONS, None, versions)
    write_scores("open_clip", write_model("open_clip"), image("small", 3, 20, 22), CAPTIONS, 1.0, versions)
    write_pixels(versions)


if __name__ == "__main__":
    main()
