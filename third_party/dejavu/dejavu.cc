// Has the assembler include the font files of Debian's fonts-dejavu-core.
#include "third_party/dejavu/dejavu.h"

// Symbols NAME_begin and NAME_end around the file's bytes, in read-only data.
#define DRAFTP_EMBED(name, file)                                                         \
  asm(".pushsection .rodata\n.balign 16\n" #name "_begin:\n.incbin \"" file "\"\n" #name \
      "_end:\n.byte 0\n.popsection\n");                                                  \
  extern "C" __attribute__((visibility("hidden"))) const std::byte name##_begin[];       \
  extern "C" __attribute__((visibility("hidden"))) const std::byte name##_end[]

DRAFTP_EMBED(draftp_dejavu_sans, "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf");
DRAFTP_EMBED(draftp_dejavu_sans_bold, "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf");

namespace draftp {

std::span<const std::byte> DejaVuSans() {
  return {draftp_dejavu_sans_begin, draftp_dejavu_sans_end};
}

std::span<const std::byte> DejaVuSansBold() {
  return {draftp_dejavu_sans_bold_begin, draftp_dejavu_sans_bold_end};
}

}  // namespace draftp
