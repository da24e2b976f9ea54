"""Reward and diversity of pictures that //tools:anneal drew, by transformers.

  python3 benchmarks/score_pictures.py testdata/tiny_sdxl/reward_model testdata/tiny_sdxl/tokenizer DIR [DIR ...]

A line for each weight type of each DIR: the mean of logit_scale * cosine (PickScore's form) over its pictures, and one
less the mean pairwise cosine of the image embeddings of a prompt's pictures, averaged over the prompts.
"""

import argparse
import pathlib

import numpy
import torch
from PIL import Image
from transformers import CLIPModel, CLIPTokenizer

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def pixels(paths, size):
    images = numpy.stack([numpy.asarray(Image.open(path).convert("RGB")) for path in paths])
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    x = torch.nn.functional.interpolate(x, size=(size, size), mode="bicubic", antialias=True)
    return (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def unit(x):
    x = getattr(x, "pooler_output", x)
    return x / x.norm(dim=-1, keepdim=True)


def score(folder, model, tokenizer):
    paths = sorted(folder.glob("img_*.png"))
    captions = [path.with_name(path.name.replace("img_", "prompt_")).with_suffix(".txt").read_text().strip()
                for path in paths]
    x = pixels(paths, model.config.vision_config.image_size).to(model.device)
    images = torch.cat([unit(model.get_image_features(pixel_values=some)) for some in x.split(32)])
    tokens = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt",
                       max_length=model.config.text_config.max_position_embeddings).to(model.device)
    texts = unit(model.get_text_features(**tokens))
    reward = (model.logit_scale.exp() * (images * texts).sum(-1)).mean().item()
    spreads = []
    for caption in dict.fromkeys(captions):
        own = images[[i for i, c in enumerate(captions) if c == caption]]
        n = len(own)
        if n > 1:
            spreads.append(1 - ((own @ own.T).sum().item() - n) / (n * (n - 1)))
    return reward, sum(spreads) / max(len(spreads), 1), len(paths)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reward", help="a CLIPModel's folder")
    parser.add_argument("tokenizer", help="its tokenizer's folder")
    parser.add_argument("dirs", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    model = CLIPModel.from_pretrained(arguments.reward, dtype=torch.float32).eval()
    tokenizer = CLIPTokenizer.from_pretrained(arguments.tokenizer)
    for root in arguments.dirs:
        for folder in sorted(root.glob("annealed_outputs_sdxl_*")):
            reward, diversity, count = score(folder, model, tokenizer)
            print(f"{root.name} {folder.name.removeprefix('annealed_outputs_sdxl_')}: "
                  f"reward {reward:.3f}, diversity {diversity:.3f}, {count} pictures")


if __name__ == "__main__":
    main()
