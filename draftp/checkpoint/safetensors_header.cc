// Parses safetensors headers by events, so that hostile ones cost neither stack nor memory.
#include "draftp/checkpoint/safetensors_header.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

static_assert(std::endian::native == std::endian::little, "the data are little-endian");

struct Dtype {
  const char* name;
  at::ScalarType type;
};

// In the order of the reference implementation's enumeration, by which its writer sorts.
constexpr std::array<Dtype, 15> kDtypes = {{
    {"BOOL", at::ScalarType::Bool},
    {"U8", at::ScalarType::Byte},
    {"I8", at::ScalarType::Char},
    {"F8_E5M2", at::ScalarType::Float8_e5m2},
    {"F8_E4M3", at::ScalarType::Float8_e4m3fn},
    {"I16", at::ScalarType::Short},
    {"U16", at::ScalarType::UInt16},
    {"F16", at::ScalarType::Half},
    {"BF16", at::ScalarType::BFloat16},
    {"I32", at::ScalarType::Int},
    {"U32", at::ScalarType::UInt32},
    {"F32", at::ScalarType::Float},
    {"F64", at::ScalarType::Double},
    {"I64", at::ScalarType::Long},
    {"U64", at::ScalarType::UInt64},
}};

constexpr size_t kMaxRank = 64;  // as many as ATen's operators take
constexpr size_t kPrefix = 8;    // bytes of the header's length

const char* NameOf(at::ScalarType type) {
  const auto* row =
      std::find_if(kDtypes.begin(), kDtypes.end(), [&](auto& d) { return d.type == type; });
  return row == kDtypes.end() ? nullptr : row->name;
}

size_t RankOf(at::ScalarType type) {
  return std::find_if(kDtypes.begin(), kDtypes.end(), [&](auto& d) { return d.type == type; }) -
         kDtypes.begin();
}

// Collects entries from the JSON's events; every handler returns false at the first thing that
// doesn't belong, with message() saying what.
class HeaderEvents {
 public:
  explicit HeaderEvents(SafetensorsHeader& header) : header_(header) {}
  const std::string& message() const { return message_; }

  bool null() { return Unexpected("null"); }
  bool boolean(bool) { return Unexpected("a boolean"); }
  bool number_float(double, const std::string& text) {
    return Unexpected(absl::StrCat("the number ", Printable(text, 40)));
  }
  bool binary(nlohmann::json::binary_t&) { return Unexpected("binary data"); }

  bool number_integer(int64_t value) {
    if (value < 0) return Unexpected(absl::StrCat(value));
    return number_unsigned(static_cast<uint64_t>(value));
  }

  bool number_unsigned(uint64_t value) {
    if (place_ == Place::kShape) {
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        return Unexpected(absl::StrCat(value));
      }
      if (entry_.shape.size() == kMaxRank) {
        return Fail(
            absl::StrCat("found more than ", kMaxRank, " dimensions, expected at most that many"));
      }
      entry_.shape.push_back(static_cast<int64_t>(value));
      return true;
    }
    if (place_ == Place::kOffsets) {
      if (offsets_seen_ == 2) return Fail("found more than two data_offsets, expected two");
      (offsets_seen_++ == 0 ? entry_.begin : entry_.end) = value;
      return true;
    }
    return Unexpected(absl::StrCat(value));
  }

  bool string(std::string& value) {
    if (place_ == Place::kMetadata) {
      header_.metadata[key_] = std::move(value);
      return true;
    }
    if (place_ != Place::kTensor || key_ != "dtype") {
      return Unexpected(absl::StrCat("the text ", Quoted(value, 40)));
    }
    const auto* row = std::find_if(kDtypes.begin(), kDtypes.end(),
                                   [&](auto& dtype) { return value == dtype.name; });
    if (row == kDtypes.end()) {
      return Fail(absl::StrCat(
          "found dtype ", Quoted(value, 40), ", expected one of ",
          absl::StrJoin(kDtypes, " ",
                        [](std::string* out, const Dtype& dtype) { out->append(dtype.name); })));
    }
    entry_.dtype = row->type;
    return true;
  }

  bool start_object(size_t) {
    if (place_ == Place::kOutside) {
      place_ = Place::kTop;
    } else if (place_ == Place::kTop) {
      place_ = tensor_ == "__metadata__" ? Place::kMetadata : Place::kTensor;
      entry_ = {};
      fields_seen_ = 0;
      offsets_seen_ = 0;
    } else {
      return Unexpected("an object");
    }
    return true;
  }

  bool key(std::string& value) {
    key_ = std::move(value);
    if (place_ == Place::kTop) {
      tensor_ = key_;
      const bool metadata = tensor_ == "__metadata__";
      if (metadata ? std::exchange(metadata_seen_, true) : header_.tensors.contains(tensor_)) {
        return Fail("found twice, expected once");
      }
      return true;
    }
    if (place_ == Place::kMetadata) {
      return !header_.metadata.contains(key_) ||
             Fail(absl::StrCat("found ", Quoted(key_, 40), " twice, expected once"));
    }
    const unsigned bit = key_ == "dtype" ? 1 : key_ == "shape" ? 2 : key_ == "data_offsets" ? 4 : 0;
    if (bit == 0) {
      return Fail(
          absl::StrCat("found key ", Quoted(key_, 40), ", expected dtype, shape, data_offsets"));
    }
    if (fields_seen_ & bit) return Fail(absl::StrCat("found ", key_, " twice, expected once"));
    fields_seen_ |= bit;
    return true;
  }

  bool end_object() {
    if (place_ == Place::kTensor) {
      if (fields_seen_ != 7) {
        return Fail(absl::StrCat("found no ",
                                 !(fields_seen_ & 1)   ? "dtype"
                                 : !(fields_seen_ & 2) ? "shape"
                                                       : "data_offsets",
                                 ", expected dtype, shape and data_offsets"));
      }
      header_.tensors.emplace(tensor_, std::move(entry_));
    }
    place_ = place_ == Place::kTop ? Place::kOutside : Place::kTop;
    return true;
  }

  bool start_array(size_t) {
    if (place_ != Place::kTensor || key_ == "dtype") return Unexpected("an array");
    place_ = key_ == "shape" ? Place::kShape : Place::kOffsets;
    return true;
  }

  bool end_array() {
    if (place_ == Place::kOffsets && offsets_seen_ != 2) {
      return Fail(absl::StrCat("found ", offsets_seen_, " data_offsets, expected two"));
    }
    place_ = Place::kTensor;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) {
    message_ = absl::StrCat("header isn't valid JSON at its byte ", position);
    return false;
  }

 private:
  enum class Place { kOutside, kTop, kMetadata, kTensor, kShape, kOffsets };

  bool Fail(const std::string& what) {
    message_ = absl::StrCat("tensor ", Quoted(tensor_), ": ", what);
    return false;
  }

  bool Unexpected(const std::string& what) {
    if (place_ == Place::kOutside) {
      message_ = absl::StrCat("header: found ", what, ", expected an object of tensors");
      return false;
    }
    const std::string expected =
        place_ == Place::kTop        ? "an object with dtype, shape and data_offsets"
        : place_ == Place::kMetadata ? absl::StrCat("text for ", Quoted(key_, 40))
        : place_ == Place::kShape    ? "dimensions in shape"
        : place_ == Place::kOffsets  ? "two byte counts in data_offsets"
        : key_ == "dtype"            ? "a dtype's name"
                                     : absl::StrCat("an array for ", key_);
    return Fail(absl::StrCat("found ", what, ", expected ", expected));
  }

  SafetensorsHeader& header_;
  std::string message_;
  Place place_ = Place::kOutside;
  std::string tensor_;
  std::string key_;
  SafetensorsEntry entry_;
  unsigned fields_seen_ = 0;
  int offsets_seen_ = 0;
  bool metadata_seen_ = false;
};

absl::Status Error(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": ", what));
}

absl::Status TensorError(const std::string& path, const std::string& name,
                         const std::string& what) {
  return Error(path, absl::StrCat("tensor ", Quoted(name), ": ", what));
}

// Bytes of a tensor, or none when the count (with zero dimensions taken as 1, since strides are
// computed so) doesn't fit into 63 bits.
std::optional<uint64_t> ByteCount(const SafetensorsEntry& entry) {
  int64_t strided = static_cast<int64_t>(c10::elementSize(entry.dtype));
  bool empty = false;
  for (const int64_t size : entry.shape) {
    empty |= size == 0;
    if (__builtin_mul_overflow(strided, std::max<int64_t>(size, 1), &strided)) return std::nullopt;
  }
  return empty ? 0 : static_cast<uint64_t>(strided);
}

absl::Status CheckExtents(const std::string& path, const SafetensorsHeader& header,
                          uint64_t data_size) {
  std::vector<const std::pair<const std::string, SafetensorsEntry>*> order;
  for (const auto& tensor : header.tensors) {
    const auto& [name, entry] = tensor;
    if (entry.begin > entry.end || entry.end > data_size) {
      return TensorError(path, name,
                         absl::StrCat("found data_offsets [", entry.begin, ", ", entry.end,
                                      "], expected an ascending pair within the ", data_size,
                                      " bytes of data in the file"));
    }
    const std::optional<uint64_t> bytes = ByteCount(entry);
    if (!bytes.has_value() || *bytes != entry.end - entry.begin) {
      return TensorError(
          path, name,
          absl::StrCat("found ", entry.end - entry.begin, " bytes of data, expected ",
                       bytes.has_value() ? absl::StrCat(*bytes) : "more than 2^63", " for ",
                       NameOf(entry.dtype), " ", ShapeText(entry.shape)));
    }
    order.push_back(&tensor);
  }
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  uint64_t covered = 0;
  for (const auto* tensor : order) {
    if (tensor->second.begin != covered) {
      return TensorError(
          path, tensor->first,
          absl::StrCat(
              "found data at ", tensor->second.begin, ", expected it at ", covered,
              tensor->second.begin < covered ? " (tensors overlap)" : " (a hole between tensors)"));
    }
    covered = tensor->second.end;
  }
  if (covered == data_size) return absl::OkStatus();
  return Error(path, absl::StrCat("found ", data_size, " bytes of data, expected ", covered,
                                  ", where the last tensor ends"));
}

// What people have under a safetensors file's name, told by how it begins; empty: none of these.
std::string_view OtherFile(std::span<const std::byte> file) {
  struct Beginning {
    std::string_view begins, message;
  };
  static constexpr std::array kBeginnings = {
      Beginning{"version https://git-lfs",
                "found a Git LFS pointer, expected the file itself: git lfs pull fetches it"},
      Beginning{"GGUF",
                "found a GGUF file, expected safetensors: its quantised weights aren't read"},
      Beginning{
          "PK\3\4",
          "found a zip archive, expected safetensors: if torch.save wrote it, let its name end "
          "in .ckpt"},
      Beginning{"<!", "found a web page, expected the file itself: was the download refused?"},
      Beginning{"<html", "found a web page, expected the file itself: was the download refused?"}};
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const auto found = std::ranges::find_if(
      kBeginnings, [&](const Beginning& one) { return text.starts_with(one.begins); });
  return found == kBeginnings.end() ? std::string_view() : found->message;
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(const std::string& path,
                                                         std::span<const std::byte> file) {
  if (file.size() < kPrefix) {
    return Error(path, absl::StrCat("found ", file.size(),
                                    " bytes, expected a safetensors file of at least ", kPrefix));
  }
  if (const std::string_view other = OtherFile(file); !other.empty())
    return Error(path, std::string(other));
  uint64_t length = 0;
  std::memcpy(&length, file.data(), kPrefix);
  if (length > kMaxSafetensorsHeader || length > file.size() - kPrefix) {
    return Error(path,
                 absl::StrCat("found header length ", length, ", expected at most ",
                              std::min<uint64_t>(kMaxSafetensorsHeader, file.size() - kPrefix),
                              length > kMaxSafetensorsHeader ? ", is it a safetensors file?"
                                                             : ", what the file holds"));
  }
  const std::string_view json(reinterpret_cast<const char*>(file.data()) + kPrefix, length);
  if (json.empty() || json.front() != '{') {
    return Error(path, "found a header that doesn't begin with {, is it a safetensors file?");
  }
  // The JSON lexer takes a null byte for the end of the text.
  if (const size_t null = json.find('\0'); null != std::string_view::npos) {
    return Error(path, absl::StrCat("header isn't valid JSON at its byte ", null));
  }
  SafetensorsHeader header;
  header.data_begin = kPrefix + length;
  HeaderEvents events(header);
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &events))
    return Error(path, events.message());
  if (absl::Status status = CheckExtents(path, header, file.size() - header.data_begin);
      !status.ok()) {
    return status;
  }
  return header;
}

std::string LayOutSafetensorsHeader(SafetensorsHeader& header, std::vector<std::string>& order) {
  order.clear();
  for (const auto& [name, entry] : header.tensors) order.push_back(name);
  std::stable_sort(order.begin(), order.end(), [&](const std::string& a, const std::string& b) {
    return RankOf(header.tensors.at(a).dtype) > RankOf(header.tensors.at(b).dtype);
  });
  const auto text = [](const nlohmann::json& value) { return value.dump(); };
  std::vector<std::string> parts;
  if (!header.metadata.empty()) parts.push_back("\"__metadata__\":" + text(header.metadata));
  uint64_t offset = 0;
  for (const std::string& name : order) {
    SafetensorsEntry& entry = header.tensors.at(name);
    entry.begin = offset;
    entry.end = offset += *ByteCount(entry);
    parts.push_back(absl::StrCat(text(name), ":{\"dtype\":\"", NameOf(entry.dtype),
                                 "\",\"shape\":[", absl::StrJoin(entry.shape, ","),
                                 "],\"data_offsets\":[", entry.begin, ",", entry.end, "]}"));
  }
  std::string json = absl::StrCat("{", absl::StrJoin(parts, ","), "}");
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const uint64_t length = json.size();
  header.data_begin = kPrefix + length;
  std::string bytes(kPrefix, '\0');
  std::memcpy(bytes.data(), &length, kPrefix);
  return bytes + json;
}

std::optional<std::string> SafetensorsDtypeName(at::ScalarType dtype) {
  const char* name = NameOf(dtype);
  return name == nullptr ? std::nullopt : std::optional<std::string>(name);
}

std::string ShapeText(std::span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape.begin(), shape.end(), ", "), "]");
}

}  // namespace draftp
