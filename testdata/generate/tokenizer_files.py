"""Goldens of the forms that a tokenizer's files have, by transformers' CLIPTokenizer: tokenizer.json alone, and tokens that
were added to the vocabulary, as textual inversion does.

Command (from the repository's root; a minute):
  python testdata/generate/tokenizer_files.py
Seed: 20240801. Versions: Python 3.11, transformers 5.17.0, tokenizers 0.23.3.

Writes testdata/goldens/tokenizer_files.json: cases, each with the files' texts by name, how many tokens it has, and 400
strings with their ids, as testdata/generate/tokenizer.py packs them.
"""

import json
import os
import pathlib
import random
import tempfile

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import tokenizers  # noqa: E402
import transformers  # noqa: E402
from tokenizers import AddedToken  # noqa: E402
from transformers import CLIPTokenizer  # noqa: E402

SEED = 20240801
COUNT = 400
TESTDATA = pathlib.Path(__file__).resolve().parents[1]
TINY = TESTDATA / "tiny_sdxl/tokenizer"
START, END = "<|startoftext|>", "<|endoftext|>"
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # of transformers before 5

# Of textual inversion: several vectors of one token, names in capitals, spaces, what normalization changes, a token that
# ends in what a caption goes on with, one that is in the vocabulary. True: normalized.
ADDED = [("<s0>", True), ("<s1>", True), ("<s0>_1", True), ("Zorg", True), ("Exact", False), ("red  star", True),
         ("cafe\u0301", True), ("\u00c5ngstr\u00f6m", False), ("!?", True), (" x ", False), ("gr", True)]


def token(content, normalized, special=False):
    return {"content": content, "lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False,
            "special": special}


def decoder(vocab):
    """added_tokens_decoder: the special tokens, then ADDED behind the vocabulary."""
    ids, rows = len(vocab), {}
    for content, normalized in [(START, True), (END, False)] + ADDED:
        known = vocab.get(content)
        rows[str(ids if known is None else known)] = token(content, normalized, content in (START, END))
        ids += known is None
    return rows


def named(**more):
    return {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END, "model_max_length": 77,
            "do_lower_case": True, "tokenizer_class": "CLIPTokenizer", **more}


def cases():
    """(name, files by name), each file a text or what JSON is made of."""
    vocab = json.loads((TINY / "vocab.json").read_text())
    merges = (TINY / "merges.txt").read_text()
    plain = {"vocab.json": vocab, "merges.txt": merges}
    yield "added_tokens_decoder", {**plain, "tokenizer_config.json": named(added_tokens_decoder=decoder(vocab)),
                                   "added_tokens.json": {"void": 5}}
    fresh = [content for content, _ in ADDED if content not in vocab]
    added = {content: len(vocab) + i for i, content in enumerate(fresh)}
    typed = {"__type": "AddedToken", **token(END, True)}
    yield "added_tokens.json", {
        **plain, "added_tokens.json": {**added, END: vocab[END]},
        "tokenizer_config.json": {"eos_token": typed, "additional_special_tokens": ["cafe\u0301"], "mask_token": "<s1>"},
        "special_tokens_map.json": {"extra_special_tokens": ["red  star"], "additional_special_tokens": ["Zorg"]}}

    whole = CLIPTokenizer.from_pretrained(TINY)
    with tempfile.TemporaryDirectory() as folder:
        whole.add_tokens([AddedToken(content, normalized=normalized) for content, normalized in ADDED])
        whole.save_pretrained(folder)
        saved = {path.name: path.read_text() for path in pathlib.Path(folder).iterdir()}
    assert set(saved) == {"tokenizer.json", "tokenizer_config.json"}, set(saved)
    yield "tokenizer.json as transformers 5 saves it", {name: json.loads(text) for name, text in saved.items()}

    older = json.loads(saved["tokenizer.json"])
    older["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = PATTERN
    older["model"] = {"dropout": None, "unk_token": END, "continuing_subword_prefix": "", "end_of_word_suffix": "</w>",
                      "fuse_unk": False, "vocab": {k: v for k, v in vocab.items() if k not in (START, END)},
                      "merges": [" ".join(pair) for pair in older["model"]["merges"]]}
    older["truncation"] = {"max_length": 77, "strategy": "LongestFirst", "stride": 0}
    older["padding"] = {"strategy": {"Fixed": 77}, "direction": "Right", "pad_to_multiple_of": None,
                        "pad_id": vocab[END], "pad_type_id": 0, "pad_token": END}
    yield "an older tokenizer.json alone", {"tokenizer.json": older}
    older["added_tokens"] = older["added_tokens"][:2]
    yield "tokenizer.json and added_tokens_decoder", {
        "tokenizer.json": older, "tokenizer_config.json": named(added_tokens_decoder=decoder(vocab))}


def strings(rng):
    words = sorted({w for w in (TESTDATA / "tiny_sdxl/prompts/train.txt").read_text().split()})
    odd = [content for content, _ in ADDED] + [
        "<S0>", "<s0", "s1>", "<s0>_", "zorg", "ZORG's", "zorgs", "exact", "Exactly", "Red\tStar", "red star", "redstar",
        "CAF\u00c9", "caf\u00e9s", "cafe", "A\u030angstro\u0308m", "x", "green", "!", "?!?", "don't", START, END, "<s0><s1>",
        "<<s0>>", "\u0301", "\u3000", "\U0001f600", "7"]
    out = ["", "<s0>", "a red circle in <s0><s1> style", " x  x ", "<s0>_1<s0>_<s1>_1"]
    while len(out) < COUNT:
        chosen = [rng.choice(odd if rng.random() < 0.7 else words) for _ in range(rng.choice([1, 2, 3, 5, 8, 60]))]
        out.append("".join(w + rng.choice(["", "", " ", " ", "  "]) for w in chosen))
    return out


def packed(tokenizer, text):
    ids = tokenizer(text, add_special_tokens=False, truncation=False, padding=False).input_ids
    full = tokenizer(text, truncation=True, padding="max_length", max_length=77).input_ids
    framed = [tokenizer.bos_token_id, *ids[:75], tokenizer.eos_token_id]
    assert full == framed + [tokenizer.pad_token_id] * (77 - len(framed))
    return "".join(chr(0x100 + i) for i in ids[:75]), len(ids)


def main():
    rng = random.Random(SEED)
    dump = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    texts, rows = strings(rng), []
    for name, files in cases():
        files = {k: v if isinstance(v, str) else dump(v) for k, v in files.items()}
        with tempfile.TemporaryDirectory() as folder:
            for file, text in files.items():
                (pathlib.Path(folder) / file).write_text(text, encoding="utf-8")
            tokenizer = CLIPTokenizer.from_pretrained(folder)
        lines = ",\n".join(dump(packed(tokenizer, text)) for text in texts)
        rows.append('{"name":' + dump(name) + ',"size":' + dump(len(tokenizer)) + ',"files":' + dump(files) +
                    ',\n"ids":[\n' + lines + "\n]}")
    made_by = {"command": "python testdata/generate/tokenizer_files.py", "seed": SEED,
               "transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
    with open(TESTDATA / "goldens/tokenizer_files.json", "w", encoding="utf-8", newline="\n") as out:
        out.write('{"made_by":' + dump(made_by) + ',\n"strings":[\n' + ",\n".join(map(dump, texts)) + "\n],\n\"cases\":[\n" +
                  ",\n".join(rows) + "\n]}\n")


if __name__ == "__main__":
    main()
