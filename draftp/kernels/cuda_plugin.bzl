"""cuda_plugin: the shared library that is opened at run time, or an empty group without a CUDA toolkit."""

load("//third_party/cuda:cuda_library.bzl", "cuda_objects")
load("@cuda//:defs.bzl", "CUDA_ENABLED")

def cuda_plugin(name, srcs, cuda_srcs, hdrs, deps):
    """Builds libdraftp_cuda.so from C++ and CUDA sources.

    Args:
      name: a filegroup that holds the library, or nothing.
      srcs: C++ sources, which may use LibTorch's CUDA headers.
      cuda_srcs: .cu files.
      hdrs: headers that srcs include from libraries that must not be linked in.
      deps: libraries of both.
    """
    if not CUDA_ENABLED:
        native.filegroup(name = name, srcs = [])
        return
    cuda_objects(
        name = name + "_kernels",
        srcs = cuda_srcs,
        deps = deps + ["@cuda//:cuda"],
    )
    native.cc_binary(
        name = "libdraftp_cuda.so",
        srcs = srcs + hdrs + [":" + name + "_kernels"],
        copts = ["-fvisibility=hidden"],
        linkshared = True,
        linkstatic = True,
        deps = deps + [
            "//third_party/absl:headers",
            "@cuda//:cuda",
            "@libtorch//:cuda",
        ],
    )
    native.filegroup(name = name, srcs = [":libdraftp_cuda.so"])
