"""Goldens of the reader of torch.save's files: state_dicts and checkpoints in both formats, and what they hold.

Command:  python testdata/generate/torch_files.py testdata
Seed:     none: values are ramps
Versions: torch 2.11.0, numpy 2.4.6; safetensors isn't needed, the writer below is its format

Writes testdata/goldens/torch_files/:
  state_dict.pt          a module's state_dict (OrderedDict with _metadata) and tensors of many kinds, zip format
  state_dict_legacy.pt   the same, less float8 and uint16, in the format of before PyTorch 1.6; its storages' keys are
                         addresses, other ones in every run
  protocol_4.pt          the same by pickle protocol 4
  deflated.pt            state_dict.pt packed again by a zip program that compresses
  lightning.ckpt         {"state_dict": .., "epoch": .., "callbacks": foreign objects, "optimizer_states": ..}
  lightning_legacy.ckpt  the same in the old format: storages of the optimizer lie between those of the state_dict
  expected.safetensors   the tensors of all of these, contiguous
and the seeds of fuzzing, testdata/fuzz/torch_index/ and testdata/fuzz/pickle/.
"""

import collections
import io
import json
import pathlib
import pickle
import struct
import sys
import zipfile

import torch

DTYPES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float64: "F64",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.uint16: "U16",
    torch.bool: "BOOL",
}


class ForeignCallback:
    """An object of a class that no reader has."""

    def __init__(self):
        self.best = {"score": 0.5, "path": "/nowhere"}
        self.history = [1, 2.5, None, "text", b"bytes", (1, 2), {3}, frozenset([4]), 1 << 70, bytearray(b"x")]


def ramp(dtype, *shape):
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(count, dtype=torch.float64) / 2 - 2).to(dtype).reshape(shape)


def tensors():
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(ramp(torch.float32, *parameter.shape))
    state = module.state_dict()
    assert isinstance(state, collections.OrderedDict) and state._metadata
    state["half"] = ramp(torch.float16, 2, 3)
    state["bf16"] = ramp(torch.bfloat16, 5)
    state["double"] = ramp(torch.float64, 2)
    state["f8_e4m3"] = ramp(torch.float8_e4m3fn, 3)
    state["f8_e5m2"] = ramp(torch.float8_e5m2, 2, 2)
    state["u16"] = torch.tensor([0, 1, 65535], dtype=torch.uint16)
    state["flags"] = torch.tensor([True, False, True])
    state["scalar"] = torch.tensor(0.25)
    state["empty"] = torch.zeros(0, 3)
    whole = ramp(torch.float32, 4, 6)
    state["shared.whole"] = whole
    state["shared.rows"] = whole[1:3]
    state["shared.column"] = whole[:, 2]
    state["shared.transposed"] = whole.t()
    state["shared.stepped"] = whole[::2, 1::2]
    state["parameter"] = torch.nn.Parameter(ramp(torch.float32, 2))
    with_attribute = ramp(torch.float32, 2)
    with_attribute.note = "kept by torch.save"
    state["with_attribute"] = with_attribute
    return state


def lightning(state):
    return {
        "epoch": 3,
        "global_step": 1234,
        "pytorch-lightning_version": "2.2.0",
        "state_dict": state,
        "callbacks": {"ForeignCallback": ForeignCallback()},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0), "exp_avg": ramp(torch.float64, 3)}}}],
        "lr_schedulers": [],
        "hyper_parameters": {"lr": 1e-4, "path": pathlib.PurePosixPath("/nowhere")},
    }


def write_safetensors(path, state):
    header, data = {}, b""
    for name, tensor in sorted(state.items(), key=lambda item: (-item[1].element_size(), item[0])):
        flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        offsets = [len(data), len(data) + len(flat)]
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}
        data += flat
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def saved(value, **options):
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def deflated(archive):
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            # A date of its own, so that the bytes are the same in every run.
            entry = zipfile.ZipInfo(item.filename)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(item))
    return stream.getvalue()


def write_seeds(root):
    small = collections.OrderedDict(a=ramp(torch.float32, 2, 2).t(), b=ramp(torch.float8_e5m2, 3))
    archive = saved(small)
    index = root / "torch_index"
    index.mkdir(parents=True, exist_ok=True)
    (index / "zip").write_bytes(archive)
    (index / "legacy").write_bytes(saved(small, _use_new_zipfile_serialization=False))
    (index / "deflated").write_bytes(deflated(archive))
    foreign = {"state_dict": small, "epoch": 1, "callbacks": ForeignCallback()}
    (index / "foreign").write_bytes(saved(foreign))
    (index / "foreign_legacy").write_bytes(saved(foreign, _use_new_zipfile_serialization=False))
    pickles = root / "pickle"
    pickles.mkdir(parents=True, exist_ok=True)
    value = {"object": ForeignCallback(), "dict": collections.OrderedDict(x=1), "tuple": (1, 2, 3, 4), "float": 0.5}
    for protocol in range(6):
        (pickles / f"protocol_{protocol}").write_bytes(pickle.dumps(value, protocol))
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        (pickles / "tensors").write_bytes(old.read("archive/data.pkl"))


def main():
    root = pathlib.Path(sys.argv[1])
    out = root / "goldens" / "torch_files"
    out.mkdir(parents=True, exist_ok=True)
    state = tensors()
    write_safetensors(out / "expected.safetensors", state)
    archive = saved(state)
    (out / "state_dict.pt").write_bytes(archive)
    (out / "deflated.pt").write_bytes(deflated(archive))
    (out / "protocol_4.pt").write_bytes(saved(state, pickle_protocol=4))
    # PyTorch writes untyped storages in the old format, too, but doesn't read them back.
    typed = collections.OrderedDict((k, v) for k, v in state.items() if not k.startswith(("f8_", "u16")))
    old = {"_use_new_zipfile_serialization": False}
    (out / "state_dict_legacy.pt").write_bytes(saved(typed, **old))
    (out / "lightning.ckpt").write_bytes(saved(lightning(state)))
    (out / "lightning_legacy.ckpt").write_bytes(saved(lightning(typed), **old))
    for path in sorted(out.iterdir()):
        if path.suffix == ".safetensors":
            continue
        read = torch.load(path, weights_only=False)
        read = read.get("state_dict", read)
        assert read.keys() == (typed if "legacy" in path.name else state).keys(), path
        assert all(torch.equal(tensor.double(), state[name].double()) for name, tensor in read.items()), path
    write_seeds(root / "fuzz")


if __name__ == "__main__":
    main()
