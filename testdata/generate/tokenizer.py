"""Goldens of the CLIP tokenizer, by transformers' CLIPTokenizer and the `tokenizers` library under it.

Command (from the repository's root; some minutes):
  python testdata/generate/tokenizer.py
Seed: 20240731. Versions: Python 3.11 (unicodedata 14.0.0), transformers 5.17.0, tokenizers 0.23.3.

Writes
- testdata/tokenizer_scripts/: a vocabulary of 1792 tokens whose merges are learnt from the strings below, some of
  them with a second split at a random rank (which no learnt file has); its config is written as in the published
  SDXL (tokens as objects, "normalized" true, padding with "!");
- testdata/goldens/tokenizer.json: 10,000 strings in which every code point assigned in Unicode 14 occurs
  (surrogates aside, private use sampled), each with its ids by testdata/tiny_sdxl/tokenizer and by
  testdata/tokenizer_scripts. The latter's padding token is declared to be end-of-text here, so that "!" is an
  ordinary word: the one departure from transformers. Ids are a text, id i the code point U+0100 + i; of more than 75
  tokens the first 75 and the number of all. Besides, byte strings that aren't UTF-8, decoded by errors="replace".
- testdata/goldens/tokenizer_unicode.json: what `tokenizers` knows of every code point one by one: class, lower case,
  canonical decomposition, combining class (by the order in which normalization puts it among others), composition.
"""

import json
import os
import pathlib
import random
import unicodedata
from collections import Counter

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import tokenizers  # noqa: E402
import transformers  # noqa: E402
from tokenizers import AddedToken, Regex, normalizers, pre_tokenizers  # noqa: E402
from transformers import CLIPTokenizer  # noqa: E402

SEED = 20240731
COUNT = 10_000
VOCABULARY = 1792  # U+0100 + id stays below U+0800
SECOND_SPLITS = 60
TESTDATA = pathlib.Path(__file__).resolve().parents[1]
START, END = "<|startoftext|>", "<|endoftext|>"
VERSIONS = {
    "command": "python testdata/generate/tokenizer.py",
    "seed": SEED,
    "unicodedata": unicodedata.unidata_version,
    "transformers": transformers.__version__,
    "tokenizers": tokenizers.__version__,
}


def assigned(private):
    wanted = {"Co"} if private else None
    for c in range(0x110000):
        category = unicodedata.category(chr(c))
        if (category in wanted) if wanted else category not in ("Cn", "Cs", "Co"):
            yield c


# --- Strings ---


def pieces(rng):
    """Every assigned code point once: alone, or in runs of neighbours, which share a script and so make words."""
    points = list(assigned(private=False))
    runs, i = [], 0
    while i < len(points):
        length = rng.choice([1, 1, 1, 2, 3, 5, 8])
        run = points[i : i + length]
        rng.shuffle(run)
        runs.append("".join(map(chr, run)))
        i += length
    runs += [chr(c) for c in rng.sample(list(assigned(private=True)), 400)]
    rng.shuffle(runs)
    return runs


def dressed(rng, parts, marks):
    """Joins pieces with what the tokenizer treats in its own way between them."""
    between = ["", "", "", "", " ", "  ", "'s", "'LL", "'", "!", "7", "a", "Re", "\t\n", "\u3000", "-", END, "\u0130"]
    text = ""
    for part in parts:
        if rng.random() < 0.15:
            part = unicodedata.normalize("NFD", part)
        if rng.random() < 0.1:
            part += "".join(chr(rng.choice(marks)) for _ in range(rng.randint(2, 4)))
        text += part + (rng.choice(between) if rng.random() < 0.4 else "")
    return text


def captions(rng, count):
    """ASCII strings around the embedded model's captions, some longer than 75 tokens."""
    lines = (TESTDATA / "tiny_sdxl/prompts/train.txt").read_text().splitlines()
    words = sorted({word for line in lines for word in line.split()})
    odd = ["don't", "IT'S", "we'll've", "'tis", "!!", "!", "...", "(a:1.3)", "<|ENDOFTEXT|>", START, END, "<|", "|>",
           "x<|endoftext|>!?", "?!<|EndOfText|>", "3.14", "2024", "C++", "a_b", "</w>", "\\(", "\"'\"", "<lora:x:1>"]
    out = []
    for i in range(count):
        length = rng.randint(60, 120) if i % 10 == 0 else rng.randint(1, 14)
        chosen = [rng.choice(odd) if rng.random() < 0.2 else rng.choice(words) for _ in range(length)]
        out.append(rng.choice([" ", " ", "  ", ", "]).join(w.upper() if rng.random() < 0.1 else w for w in chosen))
    return out


def strings(rng):
    fixed = ["", " ", "\ufeffa star", "a\x00b", "가\u11a7", "ΑΣ ΣΑΣ", ">\u0338 " + END + "\u0338", "a" * 200,
             "\u0301\u0327a\u0301\u0327", "\U00011935\U00011930 \U00011938", "ﬁ ﷺ", "\u1e9b\u0323", "\u0344\u0345\u0300"]
    texts = fixed + captions(rng, 500)
    marks = [c for c in assigned(private=False) if unicodedata.category(chr(c)).startswith("M")]
    parts = pieces(rng)
    slots = [[] for _ in range(COUNT - len(texts))]
    for i, part in enumerate(parts):
        slots[i % len(slots)].append(part)
    texts += [dressed(rng, slot, marks) for slot in slots]
    covered = set("".join(texts)) | set("".join(part for slot in slots for part in slot))
    assert len(texts) == COUNT and covered >= {chr(c) for c in assigned(private=False)}
    return texts


# --- The second vocabulary ---


def byte_characters():
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(b) for b in kept] + [chr(0x100 + i) for i in range(256 - len(kept))]


def learn(texts, backend, count):
    """Byte pairs by frequency, some dozens a round; ties by text."""
    words = Counter()
    for text in texts:
        for word, _ in backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(text)):
            words[tuple(word[:-1]) + (word[-1] + "</w>",)] += 1
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        best = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
        taken, used = {}, set()
        for pair, _ in best[:60]:
            if pair[0] in used or pair[1] in used or len(merges) == count:
                continue
            used.update(pair)
            taken[pair] = "".join(pair)
            merges.append(pair)
        merged = Counter()
        for word, n in words.items():
            out, i = [], 0
            while i < len(word):
                new = taken.get(word[i : i + 2])
                out.append(new or word[i])
                i += 2 if new else 1
            merged[tuple(out)] += n
        words = merged
    return merges


def second_splits(rng, merges, count):
    """For tokens of three symbols x, y, z that were made as xy z also the way x yz, both pairs at random ranks."""
    tokens = {"".join(pair) for pair in merges}
    plain = [pair for pair in merges if len(pair[0]) == 2 and len(pair[1].removesuffix("</w>")) == 1]
    chosen = []
    for left, right in rng.sample(plain, len(plain)):
        tail = left[1] + right
        if tail not in tokens and len(chosen) < count:
            tokens.add(tail)
            chosen.append(((left[1], right), (left[0], tail)))
    assert len(chosen) == count
    for pair in sum(chosen, ()):
        merges.insert(rng.randint(0, len(merges)), pair)
    return ["".join(pair) for pair, _ in chosen]


def write_scripts_tokenizer(rng, texts, backend):
    folder = TESTDATA / "tokenizer_scripts"
    folder.mkdir(exist_ok=True)
    base = byte_characters()
    merges = learn(texts[::2], backend, VOCABULARY - SECOND_SPLITS - 2 * len(base) - 2)
    tokens = base + [b + "</w>" for b in base] + ["".join(pair) for pair in merges]
    tokens += second_splits(rng, merges, SECOND_SPLITS) + [START, END]
    assert len(set(tokens)) == VOCABULARY
    vocabulary = {token: i for i, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")))
    lines = ["#version: 0.2"] + [f"{a} {b}" for a, b in merges]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    token = lambda text: {"content": text, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    named = {"bos_token": token(START), "eos_token": token(END), "pad_token": "!", "unk_token": token(END)}
    typed = {k: v if k == "pad_token" else {"__type": "AddedToken", **v} for k, v in named.items()}
    config = {"add_prefix_space": False, "do_lower_case": True, "errors": "replace", "model_max_length": 77,
              "tokenizer_class": "CLIPTokenizer", **typed}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "special_tokens_map.json").write_text(json.dumps(named, indent=2) + "\n")
    return CLIPTokenizer.from_pretrained(folder, pad_token=AddedToken(END, normalized=True, special=True))


# --- Ids ---


def packed(tokenizer, text):
    ids = tokenizer(text, add_special_tokens=False).input_ids
    cut = tokenizer(text, truncation=True, max_length=77).input_ids
    assert cut == [tokenizer.bos_token_id, *ids[:75], tokenizer.eos_token_id]
    return "".join(chr(0x100 + i) for i in ids[:75]), len(ids)


def broken_utf8(rng, count):
    out = [b"\xff", b"\xed\xa0\x80", b"\xe2\x82", b"\xf0\x9f\x98A", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe0\x80\x80"]
    while len(out) < count:
        text = bytearray("a ré ☃ 𝒳 ÿ가".encode() * rng.randint(1, 2))
        for _ in range(rng.randint(1, 5)):
            at = rng.randrange(len(text))
            text[at : at + rng.randint(0, 2)] = bytes(rng.choice(b"\x00A\x80\xbf\xc1\xc3\xe0\xed\xef\xf0\xf4\xf5\xff")
                                                     for _ in range(rng.randint(0, 2)))
        try:
            text.decode()
        except UnicodeDecodeError:
            out.append(bytes(text))
    return out


def write_strings(tiny, scripts, texts, rng):
    rows = [[text, *packed(tiny, text), *packed(scripts, text)] for text in texts]
    broken = [[raw.hex(), *packed(tiny, raw.decode("utf-8", "replace"))] for raw in broken_utf8(rng, 300)]
    dump = lambda row: json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    with open(TESTDATA / "goldens/tokenizer.json", "w", encoding="utf-8", newline="\n") as out:
        out.write('{"made_by":' + dump(VERSIONS) + ',\n"broken_utf8":[\n' + ",\n".join(map(dump, broken)))
        out.write('\n],\n"strings":[\n' + ",\n".join(map(dump, rows)) + "\n]}\n")


# --- Code points one by one ---


def ranges(pairs):
    out = []
    for c, value in pairs:
        if out and out[-1][1] == c - 1 and out[-1][2] == value:
            out[-1][1] = c
        else:
            out.append([c, c, value])
    return out


def combining_classes(points, nfd):
    """unicodedata's class where normalization sorts by it, else 0; checked against a mark of every class."""
    last = "\u0345"  # the highest class, 240
    sorts = [c for c in points if chr(c) == last or nfd(last + chr(c)) == chr(c) + last]
    marks = {}
    for c in sorts:
        marks.setdefault(unicodedata.combining(chr(c)), chr(c))
    for c in sorts:
        for value, mark in marks.items():
            swapped = mark != chr(c) and nfd(mark + chr(c)) == chr(c) + mark
            assert swapped == (unicodedata.combining(chr(c)) < value), hex(c)
    return ranges((c, unicodedata.combining(chr(c))) for c in sorts)


def write_unicode():
    nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    lower = normalizers.Lowercase().normalize_str
    space = normalizers.Replace(Regex(r"\s+"), " ").normalize_str
    finder = lambda pattern: pre_tokenizers.Split(Regex(pattern), "removed", invert=True).pre_tokenize_str
    letter, number = finder(r"\p{L}"), finder(r"\p{N}")
    points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    kind = lambda s: "S" if space(s) == " " else "L" if letter(s) else "N" if number(s) else ""
    codes = lambda s: [ord(c) for c in s]
    hangul = range(0xAC00, 0xD7A4)  # by arithmetic, left out
    decomposed = [(c, nfd(chr(c))) for c in points if c not in hangul]
    pairs = [codes(d) for c, d in decomposed if len(d) == 2]
    for c, _ in decomposed:  # and the first step of the longer ones
        step = unicodedata.decomposition(chr(c)).split()
        if len(step) == 2 and step[0][0] != "<" and [int(s, 16) for s in step] not in pairs:
            pairs.append([int(s, 16) for s in step])
    composed = lambda a, b: (lambda s: ord(s) if len(s) == 1 else 0)(nfc(chr(a) + chr(b)))
    rows = {
        "made_by": VERSIONS,
        "classes": [r for r in ranges((c, kind(chr(c))) for c in points) if r[2]],
        "lower": [[c, *codes(lower(chr(c)))] for c in points if lower(chr(c)) != chr(c)],
        "decompositions": [[c, *codes(d)] for c, d in decomposed if d != chr(c)],
        "combining": combining_classes([c for c, d in decomposed if d == chr(c)], nfd),
        "compositions": [[a, b, composed(a, b)] for a, b in sorted(pairs)],
    }
    with open(TESTDATA / "goldens/tokenizer_unicode.json", "w", newline="\n") as out:
        dump = lambda value: json.dumps(value, separators=(",", ":"))
        out.write("{" + ",\n".join(f"{dump(k)}:{dump(v)}" for k, v in rows.items()) + "}\n")


def main():
    assert unicodedata.unidata_version == "14.0.0"
    rng = random.Random(SEED)
    tiny = CLIPTokenizer.from_pretrained(TESTDATA / "tiny_sdxl/tokenizer")
    texts = strings(rng)
    scripts = write_scripts_tokenizer(rng, texts, tiny.backend_tokenizer)
    write_strings(tiny, scripts, texts, rng)
    write_unicode()


if __name__ == "__main__":
    main()
