"""cuda_objects: compiles .cu files with nvcc into objects that go into a cc rule's srcs."""

load("//third_party/cuda:archs.bzl", "CudaArchs")
load("@cuda//:defs.bzl", "NVCC")

def _cuda_objects_impl(ctx):
    context = cc_common.merge_cc_infos(
        cc_infos = [dep[CcInfo] for dep in ctx.attr.deps],
    ).compilation_context
    flags = [
        "-std=c++20",
        "-O3",
        "--expt-relaxed-constexpr",
        "-Xcompiler=-fPIC,-Wall,-Wextra",
        "-Werror=all-warnings",
    ] + ctx.attr._archs[CudaArchs].gencode
    objects = []
    for src in ctx.files.srcs:
        obj = ctx.actions.declare_file(src.basename + ".o")
        args = ctx.actions.args()
        args.add_all(flags)
        args.add_all(context.quote_includes, before_each = "-I")
        args.add_all(context.includes, before_each = "-isystem")
        args.add_all(context.system_includes, before_each = "-isystem")
        args.add("-c", src)
        args.add("-o", obj)
        ctx.actions.run(
            executable = NVCC,
            arguments = [args],
            inputs = depset([src], transitive = [context.headers]),
            outputs = [obj],
            mnemonic = "Nvcc",
            progress_message = "Compiling %s with nvcc" % src.short_path,
            use_default_shell_env = True,
        )
        objects.append(obj)
    return [DefaultInfo(files = depset(objects))]

cuda_objects = rule(
    implementation = _cuda_objects_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".cu"]),
        "deps": attr.label_list(providers = [CcInfo]),
        "_archs": attr.label(default = "//third_party/cuda:archs"),
    },
)
