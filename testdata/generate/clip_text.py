"""Golden outputs of CLIP text encoders in float64, by transformers.

Command: OMP_NUM_THREADS=1 python3 testdata/generate/clip_text.py
Seed 20250301; torch 2.11.0, transformers 5.17.0; exact versions are in each golden's metadata.
Writes testdata/configs/clip_text_*/{config.json,model.safetensors} (made-up weights, float16) and
testdata/goldens/clip_text_*.safetensors: ids, penultimate = hidden_states[-2], pooled.
"""

import math
import pathlib

import safetensors
import safetensors.torch
import torch
import transformers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

SEED = 20250301
ROOT = pathlib.Path(__file__).resolve().parents[1]
CASES = {
    # Legacy end-of-text: eos_token_id 2, so the position of the greatest id is pooled.
    "clip_text_eos2": (CLIPTextModel, dict(
        vocab_size=60, hidden_size=32, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=12, hidden_act="quick_gelu",
        projection_dim=16, bos_token_id=0, eos_token_id=2, pad_token_id=1)),
    "clip_text_gelu": (CLIPTextModelWithProjection, dict(
        vocab_size=50, hidden_size=48, intermediate_size=80, num_hidden_layers=3,
        num_attention_heads=2, max_position_embeddings=14, hidden_act="gelu", layer_norm_eps=1e-2,
        projection_dim=20, bos_token_id=48, eos_token_id=47, pad_token_id=0)),
    # One layer: the penultimate hidden state is the embedding itself.
    "clip_text_gelu_new": (CLIPTextModelWithProjection, dict(
        vocab_size=40, hidden_size=24, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=3, max_position_embeddings=10, hidden_act="gelu_new",
        projection_dim=24, bos_token_id=38, eos_token_id=39, pad_token_id=39)),
}


def initialise(model, generator):
    """Unit-scale outputs; query and key gains that keep attention away from uniform."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if "embedding" in name:
            value = noise
        elif "norm" in name:
            value = 0.3 * noise + (1.0 if name.endswith("weight") else 0.0)
        elif name.endswith("bias"):
            value = 0.3 * noise
        else:
            gain = 1.5 if "q_proj" in name or "k_proj" in name else 1.0
            value = gain * noise / math.sqrt(parameter.shape[1])
        parameter.data.copy_(value)


def padded(rows, length):
    """Rows of (ids, pad) as [B, length]."""
    return torch.tensor([ids + [pad] * (length - len(ids)) for ids, pad in rows])


def words(generator, count, vocab):
    return torch.randint(3, vocab - 4, (count,), generator=generator).tolist()


def ids_of(name, generator):
    w = lambda count, vocab: words(generator, count, vocab)
    if name == "clip_text_eos2":  # id 2 comes earlier than the greatest id, 59, which comes twice
        return padded([([0] + w(4, 60) + [59], 59), ([0, 2] + w(8, 60) + [59], 1),
                       ([0] + w(3, 60) + [2, 59], 1)], 12)
    if name == "clip_text_gelu":  # id 49 is greater than end-of-text, 47, which is not last either
        return padded([([48] + w(3, 50) + [49, 47], 0), ([48] + w(12, 50) + [47], 0)], 14)
    if name == "clip_text_gelu_new":  # shorter than max_position_embeddings
        return padded([([38] + w(2, 40) + [39], 39), ([38] + w(5, 40) + [39], 39)], 8)
    pad = 737 if name == "clip_text_tiny" else 0
    return padded([([736] + w(9, 738) + [737], pad), ([736] + w(75, 738) + [737], pad)], 77)


def check_scales(model, ids, output):
    """Unit-scale outputs, attention that prefers some tokens: else the golden would hide errors."""
    for value in output:
        assert 0.2 < value.std() < 5, value.std()
    model.set_attn_implementation("eager")
    attention = model(ids, output_attentions=True).attentions[0][:, :, -1]  # [B, heads, L]
    entropy = -(attention * attention.clamp_min(1e-30).log()).sum(-1).mean()
    assert entropy < 0.9 * math.log(attention.shape[-1]), entropy


def write_golden(name, model, generator, versions):
    model = model.to(torch.float64).eval()
    ids = ids_of(name, generator)
    with torch.no_grad():
        out = model(ids, output_hidden_states=True)
        pooled = out.text_embeds if hasattr(out, "text_embeds") else out.pooler_output
        penultimate = out.hidden_states[-2]
        if "tiny" not in name:
            check_scales(model, ids, (penultimate, pooled))
    safetensors.torch.save_file(
        {"ids": ids, "penultimate": penultimate.contiguous(), "pooled": pooled.contiguous()},
        ROOT / "goldens" / f"{name}.safetensors", versions)


def main():
    generator = torch.Generator().manual_seed(SEED)
    versions = {"command": "python3 testdata/generate/clip_text.py", "seed": str(SEED),
                "torch": torch.__version__, "transformers": transformers.__version__,
                "safetensors": safetensors.__version__}
    for name, (kind, config) in CASES.items():
        model = kind(CLIPTextConfig(**config))
        initialise(model, generator)
        folder = ROOT / "configs" / name
        model.to(torch.float16).save_pretrained(folder)
        write_golden(name, kind.from_pretrained(folder, dtype=torch.float64), generator, versions)
    for name, kind, part in (("clip_text_tiny", CLIPTextModel, "text_encoder"),
                             ("clip_text_tiny_2", CLIPTextModelWithProjection, "text_encoder_2")):
        model = kind.from_pretrained(ROOT / "tiny_sdxl" / part, dtype=torch.float64)
        write_golden(name, model, generator, versions)


if __name__ == "__main__":
    main()
