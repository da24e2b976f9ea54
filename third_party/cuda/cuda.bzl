"""The CUDA toolkit as a repository. Without one, CUDA_ENABLED is False and everything builds for the CPU.

DRAFTP_CUDA=/path/to/toolkit | none   overrides the search ($CUDA_HOME, the nvcc on PATH, /usr/local/cuda)
"""

def _toolkit(ctx):
    asked = ctx.os.environ.get("DRAFTP_CUDA", "")
    if asked == "none":
        return None
    if asked and not asked.startswith("/"):
        fail("DRAFTP_CUDA: found %r, expected an absolute path or none" % asked)
    nvcc = ctx.which("nvcc")  # in absolute folders of PATH alone
    candidates = [asked] if asked else [
        ctx.os.environ.get("CUDA_HOME", ""),
        str(nvcc.realpath.dirname.dirname) if nvcc else "",
        "/usr/local/cuda",
    ]
    for candidate in candidates:
        if candidate.startswith("/") and ctx.path(candidate + "/bin/nvcc").exists and ctx.path(candidate + "/include/cuda_runtime.h").exists:
            return ctx.path(candidate)
    if asked:
        fail("DRAFTP_CUDA=%s holds no bin/nvcc with include/cuda_runtime.h; DRAFTP_CUDA=none builds without CUDA" % asked)
    return None

def _cuda_impl(ctx):
    toolkit = _toolkit(ctx)
    if toolkit:
        ctx.symlink(toolkit.get_child("include"), "include")
        headers = 'glob(["include/**"])'
        library_path = str(toolkit) + "/lib64"
    else:
        headers = "[]"
        library_path = ""
    ctx.file("defs.bzl", 'CUDA_ENABLED = %s\nNVCC = "%s"\n' %
                         (bool(toolkit), str(toolkit) + "/bin/nvcc" if toolkit else ""))
    ctx.template("BUILD", ctx.attr._build, {"%{HEADERS}": headers, "%{LIB}": library_path})

cuda_repository = repository_rule(
    implementation = _cuda_impl,
    attrs = {"_build": attr.label(default = "//third_party/cuda:cuda.BUILD")},
    environ = ["DRAFTP_CUDA", "CUDA_HOME", "PATH"],
)
