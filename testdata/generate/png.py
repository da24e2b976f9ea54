"""Goldens of the PNG reader, by Pillow: kinds of PNG that it must turn into RGB8, and text in all three chunks.

  python testdata/generate/png.py            writes testdata/goldens/png_{rgb,palette,gray16,rgba}.png
  python testdata/generate/png.py --check F  decodes F by Pillow, checks it in full and prints size and text

Deterministic, no seed. Made with Pillow 13.0.0. Pixel (x, y) of 7x5: red 30 x, green 50 y, blue 255 - 30 x;
palette: index (x + y) mod 3 of red, green, blue; gray16: 257 (10 x + 40 y); rgba: as rgb with alpha 30 x.
"""

import os
import sys

from PIL import Image, PngImagePlugin

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "goldens")
WIDTH, HEIGHT = 7, 5


def fill(mode, value):
    image = Image.new(mode, (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            image.putpixel((x, y), value(x, y))
    return image


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        with Image.open(sys.argv[2]) as image:
            image.verify()
        with Image.open(sys.argv[2]) as image:
            image.load()
            print(image.mode, image.size, image.text)
        return
    text = PngImagePlugin.PngInfo()
    text.add_text("plain", "naïve\nline")
    text.add_text("packed", "z" * 100, zip=True)
    text.add_itxt("prompt", "猫と犬 ☕")
    fill("RGB", lambda x, y: (30 * x, 50 * y, 255 - 30 * x)).save(f"{OUT}/png_rgb.png", pnginfo=text)
    palette = fill("P", lambda x, y: (x + y) % 3)
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(f"{OUT}/png_palette.png")
    fill("I;16", lambda x, y: 257 * (10 * x + 40 * y)).save(f"{OUT}/png_gray16.png")
    fill("RGBA", lambda x, y: (30 * x, 50 * y, 255 - 30 * x, 30 * x)).save(f"{OUT}/png_rgba.png")


if __name__ == "__main__":
    main()
