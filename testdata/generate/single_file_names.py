"""Golden names and shapes of SDXL's single files: diffusers' own conversions of every tensor.

Command:  python testdata/generate/single_file_names.py testdata
Seed:     none: names and shapes alone (device meta), each tensor told by its number
Versions: recorded in the first line of the file

Writes testdata/goldens/single_file_names.txt.gz: a line a tensor of SDXL base 1.0 and of a UNet with other depths (SSD-1B's kind),
MODEL<tab>PART<tab>name in the single file<tab>shape there<tab>diffusers' or transformers' name<tab>part of how many<tab>view.
The single file's names are those of Stability's sgm as its modules are nested (formats: time_embed, input_blocks, ...), written out here from
the structure; diffusers.loaders.single_file_utils turns a state dict of them into diffusers' names, and what comes out must be
exactly the tensors of the model that diffusers builds, which this script asserts.
"""

import gzip
import pathlib
import platform
import sys

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders import single_file_utils as single
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

BASE = dict(
    sample_size=128, block_out_channels=(320, 640, 1280),
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), layers_per_block=2,
    cross_attention_dim=2048, attention_head_dim=(5, 10, 20), use_linear_projection=True,
    transformer_layers_per_block=(1, 2, 10), addition_embed_type="text_time", addition_time_embed_dim=256,
    projection_class_embeddings_input_dim=2816)
PRUNED = dict(BASE, transformer_layers_per_block=((1, 1), (2, 2), (4, 4)),
              reverse_transformer_layers_per_block=((4, 4, 10), (2, 1, 1), (1, 1, 1)))
VAE = dict(in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(128, 256, 512, 512),
           down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=2,
           sample_size=1024, scaling_factor=0.13025)
RESNET = {"in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.0": "norm2",
          "out_layers.3": "conv2", "skip_connection": "conv_shortcut"}


def sgm_unet(keys, levels, layers):
    """sgm's name of each of diffusers' names, by where openaimodel.UNetModel puts its modules."""
    names = {}
    for key in keys:
        head, tail = key.rsplit(".", 1)
        w = head.split(".")
        if w[0] == "conv_in": stem = "input_blocks.0.0"
        elif w[0] == "conv_norm_out": stem = "out.0"
        elif w[0] == "conv_out": stem = "out.2"
        elif w[0] == "time_embedding": stem = "time_embed." + {"linear_1": "0", "linear_2": "2"}[w[1]]
        elif w[0] == "add_embedding": stem = "label_emb.0." + {"linear_1": "0", "linear_2": "2"}[w[1]]
        else:
            if w[0] == "mid_block":
                kind, index, rest = w[1], int(w[2]), w[3:]
                at = "middle_block." + ("1" if kind == "attentions" else str(2 * index))
            else:
                level, kind, index, rest = int(w[1]), w[2], int(w[3]), w[4:]
                down = w[0] == "down_blocks"
                block = (1 if down else 0) + level * (layers + 1) + index
                at = ("input_blocks." if down else "output_blocks.") + str(block)
                if kind == "downsamplers": at, rest = f"input_blocks.{(level + 1) * (layers + 1)}.0", ["op"]
                elif kind == "upsamplers":
                    attention = f"up_blocks.{level}.attentions.0.norm.weight" in keys
                    at, rest = f"output_blocks.{level * (layers + 1) + layers}.{2 if attention else 1}", ["conv"]
                else: at += ".1" if kind == "attentions" else ".0"
            if kind == "resnets":
                rest = [next(s for s, h in RESNET.items() if h == rest[0])] + rest[1:]
            stem = ".".join([at] + rest)
        names[stem + "." + tail] = key
    return names


def ldm_vae(keys, levels):
    names = {}
    for key in keys:
        n = key.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        for i in range(levels):
            n = n.replace(f"up_blocks.{i}.resnets.", f"up.{levels - 1 - i}.block.") if f"up_blocks.{i}." in key else n
            n = n.replace(f"up_blocks.{i}.upsamplers.0.", f"up.{levels - 1 - i}.upsample.") if f"up_blocks.{i}." in key else n
            n = n.replace(f"down_blocks.{i}.resnets.", f"down.{i}.block.").replace(f"down_blocks.{i}.downsamplers.0.", f"down.{i}.downsample.")
        n = n.replace("mid_block.resnets.0", "mid.block_1").replace("mid_block.resnets.1", "mid.block_2")
        n = n.replace("mid_block.attentions.0.group_norm", "mid.attn_1.norm")
        for h, l in (("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
            n = n.replace(f"mid_block.attentions.0.{h}", f"mid.attn_1.{l}")
        names[n] = key
    return names


def open_clip(layers, width, projection):
    """OpenCLIP's text tower: name -> shape."""
    shapes = {"token_embedding.weight": (49408, width), "positional_embedding": (77, width), "text_projection": (width, projection),
              "logit_scale": (), "ln_final.weight": (width,), "ln_final.bias": (width,)}
    for i in range(layers):
        b = f"transformer.resblocks.{i}."
        for n in ("ln_1", "ln_2"): shapes |= {b + n + ".weight": (width,), b + n + ".bias": (width,)}
        shapes |= {b + "attn.in_proj_weight": (3 * width, width), b + "attn.in_proj_bias": (3 * width,),
                   b + "attn.out_proj.weight": (width, width), b + "attn.out_proj.bias": (width,),
                   b + "mlp.c_fc.weight": (4 * width, width), b + "mlp.c_fc.bias": (4 * width,),
                   b + "mlp.c_proj.weight": (width, 4 * width), b + "mlp.c_proj.bias": (width,)}
    return shapes


def shape_text(shape): return ",".join(map(str, shape))


def unet_rows(name, config):
    with torch.device("meta"):
        unet = UNet2DConditionModel(**config)
    keys = {k: tuple(v.shape) for k, v in unet.state_dict().items()}
    names = sgm_unet(keys, 3, 2)
    assert len(names) == len(keys)
    numbers = {k: torch.tensor(float(i)) for i, k in enumerate(keys)}
    given = {"model.diffusion_model." + s: numbers[h] for s, h in names.items()}
    given["conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias"] = torch.zeros(1)
    got = single.convert_ldm_unet_checkpoint(given, dict(unet.config))
    assert set(got) == set(keys) and all(got[k] == numbers[k] for k in keys), name
    return [f"{name}\tunet\tmodel.diffusion_model.{s}\t{shape_text(keys[h])}\t{h}\t0/1\t" for s, h in names.items()]


def vae_rows():
    with torch.device("meta"):
        vae = AutoencoderKL(**VAE)
    keys = {k: tuple(v.shape) for k, v in vae.state_dict().items()}
    names = ldm_vae(keys, 4)
    conv = {k: s + (1, 1) if ".attentions." in k and len(s) == 2 else s for k, s in keys.items()}
    given = {"first_stage_model." + s: torch.full(conv[h], float(i), device="cpu") if len(conv[h]) < 4 or conv[h][2] == 1
             else torch.full((1, 1, 1, 1), float(i)) for i, (s, h) in enumerate(names.items())}
    got = single.convert_ldm_vae_checkpoint(given, dict(vae.config))
    assert set(got) == set(keys), set(got) ^ set(keys)
    for i, (s, h) in enumerate(names.items()): assert got[h].flatten()[0] == i, (s, h)
    return [f"base\tvae\tfirst_stage_model.{s}\t{shape_text(conv[h])}\t{h}\t0/1\t{'flat' if len(conv[h]) != len(keys[h]) else ''}"
            for s, h in names.items()]


def clip_rows():
    rows, prefix = [], "conditioner.embedders.1.model."
    config = CLIPTextConfig(vocab_size=49408, hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20,
                            projection_dim=1280, hidden_act="gelu")
    with torch.device("meta"):
        model = CLIPTextModelWithProjection(config)
    keys = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    bare = not any(k.startswith("text_model.") for k in keys)
    full = {("text_model." + k if bare and not k.startswith("text_projection") else k): s for k, s in keys.items()}
    for s, shape in open_clip(32, 1280, 1280).items():
        rows += clip_row(prefix + s, s, shape, full)
    assert {r.split("\t")[4] for r in rows} - {""} == set(full), {r.split("\t")[4] for r in rows} ^ set(full)
    first = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    with torch.device("meta"):
        model = CLIPTextModel(first)
    for k, v in model.state_dict().items():
        k = k if k.startswith("text_model.") else "text_model." + k
        rows.append(f"base\ttext_encoder\tconditioner.embedders.0.transformer.{k}\t{shape_text(v.shape)}\t{k}\t0/1\t")
    rows.append("base\ttext_encoder\tconditioner.embedders.0.transformer.text_model.embeddings.position_ids\t1,77\t\t0/1\t")
    return rows


def clip_row(name, s, shape, full):
    """diffusers' convert_open_clip_checkpoint, tensor by tensor."""
    def row(to, part="0/1", view=""): return f"base\ttext_encoder_2\t{name}\t{shape_text(shape)}\t{to}\t{part}\t{view}"
    if s == "logit_scale": return [row("")]
    if s == "text_projection": return [row("text_projection.weight", view="transposed")]
    to = {"token_embedding.weight": "text_model.embeddings.token_embedding.weight",
          "positional_embedding": "text_model.embeddings.position_embedding.weight",
          "ln_final.weight": "text_model.final_layer_norm.weight", "ln_final.bias": "text_model.final_layer_norm.bias"}.get(s)
    if to: return [row(to)]
    _, _, layer, rest = s.split(".", 3)
    base = f"text_model.encoder.layers.{layer}."
    if rest.startswith("attn.in_proj_"):
        return [row(f"{base}self_attn.{p}_proj.{rest[13:]}", f"{i}/3") for i, p in enumerate("qkv")]
    for a, b in (("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"),
                 ("attn.out_proj", "self_attn.out_proj")):
        if rest.startswith(a + "."): return [row(base + b + rest[len(a):])]
    raise AssertionError(s)


def main():
    out = pathlib.Path(sys.argv[1]) / "goldens/single_file_names.txt.gz"
    versions = f"diffusers {diffusers.__version__}, transformers {transformers.__version__}, torch {torch.__version__}, python {platform.python_version()}"
    rows = unet_rows("base", BASE) + vae_rows() + clip_rows() + unet_rows("pruned", PRUNED)
    text = f"# testdata/generate/single_file_names.py, {versions}\n" + "\n".join(rows) + "\n"
    out.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(out, len(rows), "tensors")


if __name__ == "__main__":
    main()
