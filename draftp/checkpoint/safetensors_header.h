// The header of a safetensors file: parsed with every length checked, and written.
//
// Format (https://huggingface.co/docs/safetensors): 8 bytes, the header's length N, little-endian;
// N bytes of JSON, {"name": {"dtype": "F16", "shape": [..], "data_offsets": [begin, end]}, ..,
// "__metadata__": {"key": "text"}}, padded with spaces; then the data, to which the offsets refer.
#ifndef DRAFTP_CHECKPOINT_SAFETENSORS_HEADER_H_
#define DRAFTP_CHECKPOINT_SAFETENSORS_HEADER_H_

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

// Where a tensor lies, in bytes from the start of the data.
struct SafetensorsEntry {
  at::ScalarType dtype = at::ScalarType::Undefined;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry> tensors;
  std::map<std::string, std::string> metadata;  // without entries: no "__metadata__" is written
  uint64_t data_begin = 0;                      // bytes from the start of the file
};

// The format's own limit of the JSON's length, bytes.
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

// Reads the header of the file whose bytes are `file`; `path` is for messages. Checked: the header
// fits into file and limit, is a flat JSON object without duplicate keys, dtypes are known, byte
// counts equal shape times element size without overflow, and the tensors cover the data once, with
// no overlap, no hole and nothing left at the end. Memory stays within a small multiple of the
// header.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(const std::string& path,
                                                         std::span<const std::byte> file);

// Gives the entries their offsets in the order of the reference writer (wider dtypes first, then by
// name, so that all lie aligned) and returns length and JSON, padded so that the data begin at a
// multiple of 8. Sets header.data_begin. `order` gets the names in the order of their data.
std::string LayOutSafetensorsHeader(SafetensorsHeader& header, std::vector<std::string>& order);

// "F16" for at::kHalf etc.; none for a dtype that the format lacks.
std::optional<std::string> SafetensorsDtypeName(at::ScalarType dtype);

// "[320, 4, 3, 3]", for messages.
std::string ShapeText(std::span<const int64_t> shape);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_SAFETENSORS_HEADER_H_
