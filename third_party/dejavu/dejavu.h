// The DejaVu Sans typefaces (Bitstream Vera licence, see LICENSE) as bytes inside the program.
#ifndef DRAFTP_THIRD_PARTY_DEJAVU_DEJAVU_H_
#define DRAFTP_THIRD_PARTY_DEJAVU_DEJAVU_H_

#include <cstddef>
#include <span>

namespace draftp {

// Whole TrueType files.
std::span<const std::byte> DejaVuSans();
std::span<const std::byte> DejaVuSansBold();

}  // namespace draftp

#endif  // DRAFTP_THIRD_PARTY_DEJAVU_DEJAVU_H_
