"""draftp_cc_test: one binary for a room's tests, since links are what costs on small machines."""

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
