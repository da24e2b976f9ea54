"""Golden caption files: webdataset shards, CSV and JSON lines, and what other readers find in them.

Command:  python testdata/generate/captions.py testdata
Seed:     none; times and owners in the shards are fixed
Versions: recorded in testdata/goldens/captions/expected.json

Shards come from webdataset's own writer (pax, also through one gzip and through two, with members
that are no caption) and from tarfile in GNU's form; webdataset reads the captions back. The CSV file is csv's.
"""

import csv
import gzip
import io
import json
import os
import platform
import sys
import tarfile

import webdataset

CAPTIONS = [
    "a red circle",
    'a "quoted" star, with a comma',
    "käse, 猫 and 🦊",
    "two lines\nof one caption",
    "  spaces kept  ",
]


def samples():
    for i, caption in enumerate(CAPTIONS):
        key = f"folder.with.dots/{i:06d}" if i % 2 else f"größe_{i:06d}"
        other = {"caption": "not this one"}
        yield {"__key__": key, "jpg": b"\xff\xd8" + bytes(1000 * i), "txt": caption, "json": other}


def write_shard(path):
    with webdataset.TarWriter(path, mtime=0, user="u", group="g", compress=False) as writer:
        for sample in samples():
            writer.write(sample)


def write_gnu(path):
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        folder = tarfile.TarInfo("f")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for i, caption in enumerate(CAPTIONS):
            data = caption.encode()
            for name in (f"f/{'long' * 40}{i}.txt", f"f/{i}.seg.txt", f"f/{i}.cls"):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("f/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "0.txt"
        tar.addfile(link)


def read(path):
    dataset = webdataset.WebDataset(path, shardshuffle=False, empty_check=False)
    return [sample["txt"].decode() for sample in dataset if "txt" in sample]


def main(folder):
    out = os.path.join(folder, "goldens", "captions")
    os.makedirs(out, exist_ok=True)
    shard, gnu = os.path.join(out, "shard.tar"), os.path.join(out, "gnu.tar")
    write_shard(shard)
    write_gnu(gnu)
    with open(shard, "rb") as plain, open(shard + ".gz", "wb") as zipped:
        once = gzip.compress(plain.read(), mtime=0)
        zipped.write(once)
    with open(os.path.join(out, "twice.tar.gz"), "wb") as twice:
        twice.write(gzip.compress(once, mtime=0))
    with open(os.path.join(out, "table.csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "caption", "score"])
        for i, caption in enumerate(CAPTIONS):
            writer.writerow([i, caption, i / 2])
    with open(os.path.join(out, "lines.jsonl"), "w", encoding="utf-8") as file:
        for i, caption in enumerate(CAPTIONS):
            record = {"id": i, "prompt" if i % 2 else "caption": caption, "more": [{"caption": 1}]}
            file.write(json.dumps(record, ensure_ascii=i < 3) + "\n")
    expected = {
        "captions": CAPTIONS,
        "shard.tar": read(shard),
        "gnu.tar": read(gnu),
        "versions": {"python": platform.python_version(), "webdataset": webdataset.__version__},
    }
    with open(os.path.join(out, "expected.json"), "w", encoding="utf-8") as file:
        json.dump(expected, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
