"""draftp_repositories: what draftp's public rooms need, for a WORKSPACE of one's own (docs/reuse.md)."""

load("//third_party/libtorch:libtorch.bzl", "libtorch_repository")

def draftp_repositories():
    """LibTorch 2.11.0 as @libtorch, unless there is one: pinned wheel in the user's cache, or DRAFTP_LIBTORCH=/path/to/torch."""
    if not native.existing_rule("libtorch"):
        libtorch_repository(name = "libtorch")
