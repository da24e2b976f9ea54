"""Golden font: a TrueType file that has 猫 (U+732B) and 。 (U+3002) alone, each a box of the em's width from baseline to ascent.

Command:  python testdata/generate/font.py testdata
Seed:     none; its times are 0
Versions: fonttools 4.68.0
"""

import os
import sys

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen


def box(width, height):
    pen = TTGlyphPen(None)
    if width:
        pen.moveTo((0, 0))
        for point in ((0, height), (width, height), (width, 0)):
            pen.lineTo(point)
        pen.closePath()
    return pen.glyph()


def main(folder):
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "cat"])
    builder.setupCharacterMap({0x732B: "cat", 0x3002: "cat"})
    builder.setupGlyf({".notdef": box(0, 0), "cat": box(1000, 800)})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "cat": (1000, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupOS2()
    builder.setupPost()
    builder.setupNameTable({"familyName": "One Cat", "styleName": "Regular"})
    builder.font["head"].created = builder.font["head"].modified = 0
    builder.font.recalcTimestamp = False
    builder.save(os.path.join(folder, "goldens", "one_cat.ttf"))


if __name__ == "__main__":
    main(sys.argv[1])
