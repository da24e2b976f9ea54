"""The flag //third_party/cuda:archs, checked where it is set."""

CudaArchs = provider(fields = ["gencode"])

_KNOWN = ["80", "86", "89", "90", "90a", "100", "100a", "120", "120a"]

def _cuda_archs_impl(ctx):
    gencode = []
    newest = None
    for arch in ctx.build_setting_value.split(","):
        if arch == "ptx":
            if not newest:
                fail("--cuda_archs: ptx must follow an architecture, found %r" % ctx.build_setting_value)
            gencode.append("-gencode=arch=compute_%s,code=compute_%s" % (newest, newest))
        elif arch in _KNOWN:
            gencode.append("-gencode=arch=compute_%s,code=sm_%s" % (arch, arch))
            newest = arch
        else:
            fail("--cuda_archs: %r is none of %s, ptx" % (arch, ", ".join(_KNOWN)))
    return CudaArchs(gencode = gencode)

cuda_archs = rule(
    implementation = _cuda_archs_impl,
    build_setting = config.string(flag = True),
)
