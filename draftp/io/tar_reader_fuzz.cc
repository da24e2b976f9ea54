// Any bytes as a tar archive: an error of one line, or members of the sizes that they claim.
#include "draftp/io/tar_reader.h"
#include "draftp/testing/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  using draftp::testing::FuzzRequireMessage;
  auto tar = draftp::TarReader::OpenMemory(
      "a.tar", std::string_view(reinterpret_cast<const char*>(data), size));
  if (!tar.ok()) {
    FuzzRequireMessage(tar.status().message(), "a.tar: ");
    return 0;
  }
  for (bool read = true;; read = !read) {
    const auto member = tar->Next();
    if (!member.ok()) {
      FuzzRequireMessage(member.status().message(), "a.tar: ");
      return 0;
    }
    if (!member->has_value()) return 0;
    FuzzRequire((*member)->size >= 0, "sizes aren't negative");
    if (!read) continue;  // every other one is passed over
    const auto contents = tar->Read(1 << 16);
    if (!contents.ok()) {
      FuzzRequireMessage(contents.status().message(), "a.tar: ");
      return 0;
    }
    FuzzRequire(static_cast<int64_t>(contents->size()) == (*member)->size, "sizes are kept");
  }
}
