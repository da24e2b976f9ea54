"""embed_texts: text files as constants of C++."""

def embed_texts(name, texts, header):
    """<name>.cc, which defines what `header` declares: `extern const std::string_view` in namespace draftp.

    A raw string a line, so that no line may hold )~~~": the files' tests would show it.

    Args:
      name: of the rule; the source is <name>.cc.
      texts: {constant's name: file}.
      header: the header, as it is included.
    """
    lines = ["echo '// Generated from %s.'" % ", ".join(texts.values()), "echo '#include \"%s\"'" % header, "echo 'namespace draftp {'"]
    for constant, text in texts.items():
        lines.append("echo 'const std::string_view %s ='" % constant)
        lines.append("sed 's/.*/R\"~~~(&)~~~\" \"\\\\n\"/' $(location %s)" % text)
        lines.append("echo ';'")
    lines.append("echo '}  // namespace draftp'")
    native.genrule(
        name = name,
        srcs = texts.values(),
        outs = [name + ".cc"],
        cmd = "{ %s; } >$@" % "; ".join(lines),
    )
