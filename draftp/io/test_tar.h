// Tar archives written by hand, so that tests can make any of them.
#ifndef DRAFTP_IO_TEST_TAR_H_
#define DRAFTP_IO_TEST_TAR_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace draftp::testing {

// One member in POSIX ustar: header, contents, zeros up to 512 bytes. `type`: '0' file, '5' folder,
// '1' and '2' links, '3', '4' and '6' devices and pipes, 'x' pax header, 'S' GNU's sparse file,
// `realsize` of which (12 bytes of the header) is then -1. `claimed` is the size that the header
// tells.
inline std::string TarEntry(std::string_view name, std::string_view contents, char type = '0',
                            size_t claimed = ~size_t{0}) {
  std::string block(512, '\0');
  const auto put = [&block](size_t at, std::string_view text) {
    block.replace(at, text.size(), text);
  };
  char size[13];
  std::snprintf(size, sizeof(size), "%011zo", claimed == ~size_t{0} ? contents.size() : claimed);
  put(0, name.substr(0, 100));
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, size);
  put(136, "00000000000");
  put(148, "        ");
  block[156] = type;
  if (type == 'S') {
    put(257, std::string_view("ustar  \0", 8));
    put(386, "00000000000");  // its one part: offset and size
    put(398, "00000000001");
    put(483, std::string(12, '\xFF'));
  }
  if (type == '1' || type == '2') put(157, "target");
  if (type != 'S') put(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const unsigned char byte : block) sum += byte;
  char checksum[8];
  std::snprintf(checksum, sizeof(checksum), "%06o", sum);
  put(148, std::string_view(checksum, 7));  // its zero too
  block += contents;
  block.resize((block.size() + 511) / 512 * 512);
  return block;
}

// The two blocks of zeros.
inline std::string TarEnd() { return std::string(1024, '\0'); }

}  // namespace draftp::testing

#endif  // DRAFTP_IO_TEST_TAR_H_
