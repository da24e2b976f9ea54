"""draftp_cc_test: one binary for a room's tests, since links are what costs on small machines; draftp_fuzz_test."""

# A file of tests alone compiles for 7 seconds, of which 5 go into LibTorch's and GoogleTest's headers.
_FILES_A_UNIT = 12

def _joined(name, tests):
    """Sources that include `tests`, so many in each: their names must differ, anonymous namespaces or not."""
    units = []
    count = (len(tests) + _FILES_A_UNIT - 1) // _FILES_A_UNIT
    for i in range(count):
        unit = "%s_unit%d.cc" % (name, i)
        lines = ['#include "%s/%s"' % (native.package_name(), test) for test in tests[i::count]]
        native.genrule(
            name = unit[:-len(".cc")],
            testonly = True,
            outs = [unit],
            cmd = "cat >$@ <<'EOF'\n%s\nEOF" % "\n".join(lines),
        )
        units.append(unit)
    return units

def draftp_cc_test(name, srcs, deps = [], **kwargs):
    """cc_test over GoogleTest's main.

    Args:
      name: the room's test, by habit <room>_test.
      srcs: its *_test.cc files (and headers that only they use). More than three are joined into fewer units.
      deps: what they include, besides GoogleTest.
      **kwargs: as for cc_test; tags = ["gpu"] for what needs one.
    """
    tests = [src for src in srcs if src.endswith("_test.cc")]
    if len(tests) > 3:
        native.cc_library(
            name = name + "_files",
            testonly = True,
            textual_hdrs = tests,
        )
        srcs = [src for src in srcs if src not in tests] + _joined(name, tests)
        deps = deps + [":" + name + "_files"]
    native.cc_test(
        name = name,
        srcs = srcs,
        linkstatic = True,
        deps = deps + ["//third_party/googletest:gtest_main"],
        **kwargs
    )

def draftp_fuzz_test(name, deps = [], **kwargs):
    """A fuzz target, <name>.cc, whose corpus is testdata/fuzz/<name less _fuzz>/.

    As a test it replays the corpus and a fixed number of mutations (draftp/testing/fuzz_main.cc), the same in every
    run. With --config=fuzz it is a libFuzzer program; .ci/fuzz runs those.

    Args:
      name: <what is fed>_fuzz.
      deps: what it includes, besides draftp/testing/fuzz.h.
      **kwargs: as for cc_test.
    """
    native.cc_test(
        name = name,
        srcs = [name + ".cc"],
        args = ["testdata/fuzz/" + name[:-len("_fuzz")]],
        data = ["//testdata:fuzz"],
        linkopts = select({
            "//draftp/testing:libfuzzer": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        linkstatic = True,
        tags = ["fuzz"],
        deps = deps + ["//draftp/testing:fuzz"] + select({
            "//draftp/testing:libfuzzer": [],
            "//conditions:default": ["//draftp/testing:fuzz_main"],
        }),
        **kwargs
    )
