"""Unpacks what a build needs of a wheel: libraries, headers, licences.

unpack_wheel.py WHEEL FOLDER
"""

import fnmatch
import sys
import zipfile

WANTED = ("torch/lib/*.so*", "torch/include/*", "torch/version.py", "nvidia/*/lib/*", "*.dist-info/*LICENSE*",
          "*.dist-info/METADATA")
UNWANTED = ("torch/lib/libtorch_python.so", "torch/lib/libshm.so")


def wanted(name):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in WANTED) and name not in UNWANTED


with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if wanted(name)])
