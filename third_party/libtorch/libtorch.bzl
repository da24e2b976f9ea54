"""LibTorch as a repository: a pinned wheel kept in the user's cache, or an installed torch.

DRAFTP_LIBTORCH=/path/to/torch   use that folder (it holds lib/ and include/), download nothing
DRAFTP_GPU=1 | 0                 also fetch CUDA's run-time wheels; by default when a GPU is present
XDG_CACHE_HOME                   where the cache lies, by default ~/.cache
"""

def _libtorch_impl(ctx):
    installed = ctx.os.environ.get("DRAFTP_LIBTORCH", "")
    if installed and not installed.startswith("/"):
        fail("DRAFTP_LIBTORCH: found the relative path %r, expected an absolute one" % installed)
    if installed:
        torch = ctx.path(installed)
    else:
        result = ctx.execute(
            ["bash", str(ctx.path(ctx.attr._fetch))],
            timeout = 7200,
            quiet = False,
        )
        if result.return_code:
            fail("LibTorch could not be fetched (exit code %d).\n%s\nUse an installed one with DRAFTP_LIBTORCH=/path/to/torch" %
                 (result.return_code, result.stderr))
        torch = ctx.path(result.stdout.strip().split("\n")[-1])
    for needed in ["lib/libtorch_cpu.so", "lib/libc10.so", "include/ATen/core/Tensor.h"]:
        if not torch.get_child(needed.split("/")[0]).exists or not ctx.path(str(torch) + "/" + needed).exists:
            fail("%s lacks %s: DRAFTP_LIBTORCH must name the folder `torch` of an installed PyTorch 2.11" % (torch, needed))
    ctx.symlink(torch.get_child("include"), "include")
    ctx.template("BUILD", ctx.attr._build, {"%{LIB}": str(torch.realpath) + "/lib"})

libtorch_repository = repository_rule(
    implementation = _libtorch_impl,
    attrs = {
        "_build": attr.label(default = "//third_party/libtorch:libtorch.BUILD"),
        "_fetch": attr.label(default = "//third_party/libtorch:fetch.sh"),
        "_requirements": attr.label_list(default = [
            "//third_party/libtorch:requirements.txt",
            "//third_party/libtorch:requirements_gpu.txt",
        ]),
    },
    environ = ["DRAFTP_LIBTORCH", "DRAFTP_GPU", "XDG_CACHE_HOME", "HOME"],
)
