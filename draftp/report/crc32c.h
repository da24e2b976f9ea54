// CRC-32C, the checksum of TensorFlow's records. The standard library only.
#ifndef DRAFTP_REPORT_CRC32C_H_
#define DRAFTP_REPORT_CRC32C_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace draftp {

inline constexpr std::array<uint32_t, 256> kCrc32cTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0x82F63B78u : 0);
    table[byte] = rest;
  }
  return table;
}();

// Castagnoli's polynomial, reflected, all ones before and after: RFC 3720, appendix B.4.
constexpr uint32_t Crc32c(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char c : bytes) {
    crc = (crc >> 8) ^ kCrc32cTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  }
  return ~crc;
}

}  // namespace draftp

#endif  // DRAFTP_REPORT_CRC32C_H_
