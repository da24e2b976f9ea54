"""wheel: the package as a Python wheel, in a folder, since the wheel's name holds its version and platform."""

def _wheel_impl(ctx):
    folder = ctx.actions.declare_directory(ctx.label.name)
    inputs = [ctx.file._script, ctx.file.package, ctx.file.programs, ctx.file.version]
    ctx.actions.run_shell(
        command = "python3 \"$@\"",
        arguments = [file.path for file in inputs] + [folder.path],
        inputs = inputs,
        outputs = [folder],
        mnemonic = "Wheel",
        progress_message = "Packing %s" % folder.short_path,
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([folder]))]

wheel = rule(
    implementation = _wheel_impl,
    attrs = {
        "package": attr.label(allow_single_file = [".tar.gz"], mandatory = True),
        "programs": attr.label(allow_single_file = [".py"], mandatory = True),
        "version": attr.label(allow_single_file = [".h"], mandatory = True),
        "_script": attr.label(allow_single_file = True, default = "//tools:wheel.py"),
    },
)
