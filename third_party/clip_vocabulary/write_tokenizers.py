"""Writes CLIP's two tokenizers of SDXL as folders in Hugging Face's form.

write_tokenizers.py bpe_simple_vocab_16e6.txt.gz FOLDER

FOLDER/tokenizer is CLIP-L's, which pads with the end of text, and FOLDER/tokenizer_2 OpenCLIP bigG's, which pads with "!".
The ids are those of CLIP's own tokenizer: the bytes, the bytes that end a word, the merges' results, start and end.
"""

import gzip
import hashlib
import json
import pathlib
import sys

SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
START, END = "<|startoftext|>", "<|endoftext|>"
SIZE = 49408


def byte_characters():
    """The printable characters that stand for bytes, in the order of CLIP's ids."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in kept] + [chr(0x100 + i) for i in range(256 - len(kept))]


def token(content):
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}


def main(packed, folder):
    content = pathlib.Path(packed).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        sys.exit(f"{packed}: found sha256 {found}, expected {SHA256}")
    merges = gzip.decompress(content).decode().split("\n")[1 : SIZE - 512 - 2 + 1]  # the first line is a version
    base = byte_characters()
    tokens = base + [c + "</w>" for c in base] + [merge.replace(" ", "") for merge in merges] + [START, END]
    vocabulary = {text: i for i, text in enumerate(tokens)}
    assert len(vocabulary) == len(tokens) == SIZE
    for name, pad in (("tokenizer", END), ("tokenizer_2", "!")):
        target = pathlib.Path(folder) / name
        target.mkdir(parents=True, exist_ok=True)
        named = {"bos_token": token(START), "eos_token": token(END), "pad_token": pad, "unk_token": token(END)}
        typed = {key: value if key == "pad_token" else {"__type": "AddedToken", **value} for key, value in named.items()}
        config = {"add_prefix_space": False, "do_lower_case": True, "errors": "replace", "model_max_length": 77,
                  "tokenizer_class": "CLIPTokenizer", **typed}
        texts = {"vocab.json": json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")),
                 "merges.txt": "#version: 0.2\n" + "\n".join(merges) + "\n",
                 "tokenizer_config.json": json.dumps(config, indent=2) + "\n",
                 "special_tokens_map.json": json.dumps(named, indent=2) + "\n"}
        for file, text in texts.items():
            (target / file).write_bytes(text.encode())


main(*sys.argv[1:])
