"""The programs of draftp as commands of the Python that holds this package and torch."""

import importlib.util
import os
import sys


def _run(name):
    """Becomes the program, with DRAFTP_LIBTORCH or this Python's torch, which isn't imported."""
    if not os.environ.get("DRAFTP_LIBTORCH"):
        torch = importlib.util.find_spec("torch")
        if not torch or not torch.submodule_search_locations:
            sys.exit(f"draftp-{name}: {sys.executable} has no torch; run '{sys.executable} -m pip install torch==2.11.0' "
                     "or set DRAFTP_LIBTORCH=/path/to/torch")
        os.environ["DRAFTP_LIBTORCH"] = os.path.abspath(list(torch.submodule_search_locations)[0])
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", name)
    os.execv(program, [program, *sys.argv[1:]])


def anneal():
    _run("anneal")


def train():
    _run("train")


def convert():
    _run("convert")


def evaluate():
    _run("evaluate")


def tokenize():
    _run("tokenize")
