"""Packs draftp.tar.gz into a wheel: the same input gives the same bytes.

wheel.py PACKAGE.tar.gz PROGRAMS.py VERSION.h FOLDER

The wheel, FOLDER/draftp-VERSION-py3-none-PLATFORM.whl, holds the package (bin, libexec, lib, share) as the Python package
`draftp`, PROGRAMS.py as draftp/programs.py, and commands draftp-NAME for its functions. PLATFORM names the newest glibc
that a binary of it asks for.
"""

import ast
import base64
import hashlib
import pathlib
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

LIBTORCH = "2.11"
MACHINES = {62: "x86_64", 183: "aarch64"}  # e_machine of ELF

METADATA = """\
Metadata-Version: 2.1
Name: draftp
Version: {version}
Summary: Fine-tune SDXL on a differentiable reward (DRaFT+), and draw annealed pictures
License: Apache-2.0
Requires-Python: >=3.10
Requires-Dist: torch=={libtorch}.*
Description-Content-Type: text/markdown

`draftp-train` fine-tunes SDXL on a differentiable reward, `draftp-anneal` draws with base and fine-tuned model mixed anew
at every denoising step. Both are C++ programs on the LibTorch that torch {libtorch} holds; `--help` says the rest.
"""
WHEEL = """\
Wheel-Version: 1.0
Generator: tools/wheel.py of draftp
Root-Is-Purelib: false
Tag: {tag}
"""


def version_of(header):
    """major.minor.patch of draftp/version.h."""
    return ".".join(re.search(rf"^#define DRAFTP_VERSION_{part} (\d+)$", header, re.M)[1]
                    for part in ("MAJOR", "MINOR", "PATCH"))


def platform_of(binaries):
    """The manylinux tag of ELF files: their machine, and the newest glibc whose symbols one of them needs."""
    machines, glibc = set(), (2, 17)
    for content in binaries:
        machines.add(MACHINES[struct.unpack_from("<H", content, 18)[0]])
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            needs = subprocess.run(["readelf", "--version-info", "--wide", file.name], check=True, capture_output=True,
                                   text=True).stdout
        for major, minor in re.findall(r"Name: GLIBC_(\d+)\.(\d+)", needs):
            glibc = max(glibc, (int(major), int(minor)))
    (machine,) = machines
    return f"manylinux_{glibc[0]}_{glibc[1]}_{machine}"


def package_files(package):
    """(path in the wheel, content, whether it is run) of the tar's files."""
    with tarfile.open(package) as tar:
        for member in tar.getmembers():
            if member.isfile():
                yield member.name, tar.extractfile(member).read(), bool(member.mode & 0o111)


def record_line(path, content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}\n"


def main(package, programs, version_header, folder):
    version = version_of(pathlib.Path(version_header).read_text())
    files = {path: (content, run) for path, content, run in package_files(package)}
    tag = "py3-none-" + platform_of(content for content, _ in files.values() if content[:4] == b"\x7fELF")

    module = pathlib.Path(programs).read_bytes()
    names = [node.name for node in ast.parse(module).body
             if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    entries = "".join(f"draftp-{name} = draftp.programs:{name}\n" for name in names)
    info = f"draftp-{version}.dist-info"
    texts = {
        "draftp/__init__.py": f'"""The programs of draftp; see draftp.programs."""\n\n__version__ = "{version}"\n',
        f"{info}/METADATA": METADATA.format(version=version, libtorch=LIBTORCH),
        f"{info}/WHEEL": WHEEL.format(tag=tag),
        f"{info}/entry_points.txt": "[console_scripts]\n" + entries,
    }
    files.update({path: (text.encode(), False) for path, text in texts.items()})
    files["draftp/programs.py"] = (module, False)
    for licence in ("LICENSE", "NOTICE"):
        files[f"{info}/licenses/{licence}"] = files[f"draftp/share/draftp/{licence}"]

    # The metadata last, as the format recommends, and RECORD at the very end.
    ordered = sorted(files, key=lambda path: (path.startswith(info), path))
    record = "".join(record_line(path, files[path][0]) for path in ordered) + f"{info}/RECORD,,\n"
    files[f"{info}/RECORD"] = (record.encode(), False)
    target = pathlib.Path(folder) / f"draftp-{version}-{tag}.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for path in [*ordered, f"{info}/RECORD"]:
            content, run = files[path]
            entry = zipfile.ZipInfo(path)  # of 1980
            entry.create_system = 3  # Unix, whose modes these are
            entry.external_attr = (0o100755 if run else 0o100644) << 16
            wheel.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)


main(*sys.argv[1:])
