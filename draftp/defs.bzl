"""draftp_cc_test: one binary for a room's tests, since links are what costs on small machines; draftp_fuzz_test."""

def draftp_cc_test(name, srcs, deps = [], **kwargs):
    """cc_test over GoogleTest's main.

    Args:
      name: the room's test, by habit <room>_test.
      srcs: its *_test.cc files (and headers that only they use).
      deps: what they include, besides GoogleTest.
      **kwargs: as for cc_test; tags = ["gpu"] for what needs one.
    """
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
