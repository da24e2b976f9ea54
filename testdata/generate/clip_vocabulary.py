"""Goldens of CLIP's own vocabulary, by transformers' CLIPTokenizer on the vocabulary of the wheel open_clip_torch, its
special tokens as the published SDXL declares those of tokenizer_2 (but for padding, so that "!" is an ordinary word).

Command (from the repository's root; a minute; the folder is where third_party/fetch_wheel.sh clip_vocabulary says):
  python testdata/generate/clip_vocabulary.py ~/.cache/draftp/clip-vocabulary-.../open_clip/bpe_simple_vocab_16e6.txt.gz
Seed: 20240802. Versions: Python 3.11, transformers 5.17.0, tokenizers 0.23.3.

Writes testdata/goldens/clip_vocabulary.json: 2,500 strings of the vocabulary's own words, and `hashes`, eight hexadecimal digits
for each of these and then for each string of goldens/tokenizer.json (10,000, with every code point): the 32-bit FNV-1a of
the ids of the whole string, without start and end, each as two bytes, the lower one first.
"""

import gzip
import json
import os
import pathlib
import random
import sys

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import tokenizers  # noqa: E402
import transformers  # noqa: E402
from tokenizers import AddedToken  # noqa: E402
from transformers import CLIPTokenizer  # noqa: E402

SEED = 20240802
COUNT = 2_500
TESTDATA = pathlib.Path(__file__).resolve().parents[1]
START, END = "<|startoftext|>", "<|endoftext|>"
ODD = ["don't", "IT'S", "we'll've", "'tis", "!!", "...", "(moody light:1.3)", "[a|b]", "3.14", "2024", "1920x1080", "C++", "a_b",
       "</w>", "@someone", "#art", "https://example.com/a?b=c", "r&b", "50%", "f/1.8", "co-op", "<lora:x:1>", START, END,
       "caf\u00e9", "cafe\u0301", "na\u00efve", "STRA\u00dfE", "\u0130stanbul", "\ufb01ne", "\u2026", "\u201cquoted\u201d", "it\u2019s", "\u65e5\u672c\u8a9e", "\ud55c\uad6d", "\u041c\u043e\u0441\u043a\u0432\u0430",
       "\u0627\u0644\u0642\u0627\u0647\u0631\u0629", "\u0939\u093f\u0928\u094d\u0926\u0940", "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea", "\u2764\ufe0f", "1\ufe0f\u20e3"]


def vocabulary(path):
    """tokens and merges as CLIP's tokenizer defines them."""
    lines = gzip.decompress(pathlib.Path(path).read_bytes()).decode().split("\n")
    merges = [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("\u00a1"), ord("\u00ac") + 1), *range(ord("\u00ae"), ord("\u00ff") + 1)]
    characters = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in characters:
            characters[byte] = chr(256 + len(characters) - len(printable))
    tokens = list(characters.values())
    tokens += [token + "</w>" for token in tokens] + ["".join(merge) for merge in merges] + [START, END]
    return {token: i for i, token in enumerate(tokens)}, merges, {c: b for b, c in characters.items()}


def strings(rng, vocab, byte_of):
    words = []
    for token in vocab:
        raw = bytes(byte_of[c] for c in token.removesuffix("</w>")) if token not in (START, END) else b"\xff"
        try:
            words.append(raw.decode())
        except UnicodeDecodeError:
            pass  # a part of a character
    out = ["a photo of a cat", "", " ", "a" * 300]
    while len(out) < COUNT:
        count, text = (rng.randint(30, 90) if len(out) % 50 == 0 else rng.randint(1, 9)), ""
        for _ in range(count):
            word = rng.choice(ODD) if rng.random() < 0.2 else rng.choice(words)
            word = rng.choice([word, word, word, word.upper(), word.title(), word + rng.choice(words)])
            text += word + rng.choice([" "] * 8 + ["", ", ", ". ", "  ", "\t", "\n", "\u00a0", "\u3000", "-", "'s "])
        out.append(text)
    return out


def fnv1a(ids):
    value = 0x811C9DC5
    for i in ids:
        for byte in (i & 0xFF, i >> 8):
            value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{value:08x}"


def main(path):
    vocab, merges, byte_of = vocabulary(path)
    assert len(vocab) == 49408
    start, end = (AddedToken(content, normalized=True, special=True) for content in (START, END))
    tokenizer = CLIPTokenizer(vocab=vocab, merges=merges, bos_token=start, eos_token=end, unk_token=end, pad_token=end)
    own = strings(random.Random(SEED), vocab, byte_of)
    every = [row[0] for row in json.loads((TESTDATA / "goldens/tokenizer.json").read_text())["strings"]]
    hashes = "".join(fnv1a(tokenizer(text, add_special_tokens=False).input_ids) for text in own + every)
    dump = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    made_by = {"command": "python testdata/generate/clip_vocabulary.py bpe_simple_vocab_16e6.txt.gz", "seed": SEED,
               "transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
    with open(TESTDATA / "goldens/clip_vocabulary.json", "w", encoding="utf-8", newline="\n") as out:
        out.write('{"made_by":' + dump(made_by) + ',\n"hashes":' + dump(hashes) + ',\n"strings":[\n' +
                  ",\n".join(map(dump, own)) + "\n]}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
