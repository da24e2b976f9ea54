// The few protocol buffer messages that events need, by hand, and their framing.
#include "draftp/report/event_file.h"

#include <unistd.h>

#include <bit>
#include <filesystem>
#include <limits>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "draftp/io/printable.h"
#include "draftp/report/crc32c.h"

namespace draftp {
namespace {

constexpr size_t kMaxTagBytes = 1000;
constexpr size_t kMaxTextBytes = 4096;

void AppendLittleEndian(uint64_t value, int bytes, std::string& out) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFF);
}

// A protocol buffer message in the making; fields in ascending order, as protobuf writes them.
class Message {
 public:
  Message& Varint(int field, uint64_t value) {
    Tag(field, 0);
    Base128(value);
    return *this;
  }
  Message& Double(int field, double value) {
    Tag(field, 1);
    AppendLittleEndian(std::bit_cast<uint64_t>(value), 8, bytes_);
    return *this;
  }
  Message& Float(int field, float value) {
    Tag(field, 5);
    AppendLittleEndian(std::bit_cast<uint32_t>(value), 4, bytes_);
    return *this;
  }
  Message& Bytes(int field, std::string_view value) {
    Tag(field, 2);
    Base128(value.size());
    bytes_ += value;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Tag(int field, int wire_type) { Base128(static_cast<uint64_t>(field) << 3 | wire_type); }
  void Base128(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7F) | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

// The fields that each Event begins with; zeros are left out (proto3).
Message Event(int64_t step, double wall_time) {
  Message event;
  if (wall_time != 0) event.Double(1, wall_time);
  if (step != 0) event.Varint(2, static_cast<uint64_t>(step));
  return event;
}

std::string TagText(std::string_view tag) { return Printable(tag, kMaxTagBytes); }

uint32_t MaskedCrc(std::string_view bytes) {
  const uint32_t crc = Crc32c(bytes);
  return std::rotr(crc, 15) + 0xA282EAD8u;
}

std::string Record(const Message& event) {
  std::string record;
  AppendLittleEndian(event.bytes().size(), 8, record);
  AppendLittleEndian(MaskedCrc(record), 4, record);
  record += event.bytes();
  AppendLittleEndian(MaskedCrc(event.bytes()), 4, record);
  return record;
}

std::string Summary(const Message& value) { return Message().Bytes(1, value.bytes()).bytes(); }

// Summary.Value.metadata of a plugin.
Message Metadata(std::string_view plugin, std::string_view content) {
  Message data;
  data.Bytes(1, plugin);
  if (!content.empty()) data.Bytes(2, content);
  return Message().Bytes(1, data.bytes());
}

// google.protobuf.Value
Message Value(const std::variant<double, bool, std::string>& value) {
  Message message;
  if (const double* number = std::get_if<double>(&value)) return message.Double(2, *number);
  if (const bool* truth = std::get_if<bool>(&value)) return message.Varint(4, *truth ? 1 : 0);
  return message.Bytes(3, Printable(std::get<std::string>(value), kMaxTextBytes));
}

std::string HostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  for (char& c : name) {
    if (c == '/') c = '_';
  }
  return name;
}

// Nearest float32; what is too large becomes infinity (the cast would be undefined).
float ToFloat(double value) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (value > kLargest) return kInfinity;
  if (value < -kLargest) return -kInfinity;
  return static_cast<float>(value);
}

}  // namespace

absl::StatusOr<EventFile> EventFile::Open(const std::string& folder, double wall_time,
                                          int64_t first_step) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::ErrnoToStatus(error.value(),
                               absl::StrCat(Printable(folder, 4096), ": can't make the folder"));
  }
  const std::string stem = absl::StrCat(folder, "/events.out.tfevents.",
                                        absl::StrFormat("%010d", static_cast<int64_t>(wall_time)),
                                        ".", HostName(), ".", getpid(), ".");
  for (int64_t number = 0;; ++number) {
    absl::StatusOr<AppendFile> file = AppendFile::Create(absl::StrCat(stem, number));
    if (absl::IsAlreadyExists(file.status())) continue;
    if (!file.ok()) return file.status();
    EventFile events(*std::move(file));
    Message version = Event(0, wall_time);
    version.Bytes(3, "brain.Event:2");
    absl::Status status = events.file_.Append(Record(version));
    if (status.ok() && first_step > 0) {  // session_log: SessionLog{status: START}
      status = events.file_.Append(
          Record(Event(first_step, wall_time).Bytes(7, Message().Varint(1, 1).bytes())));
    }
    if (!status.ok()) return status;
    return events;
  }
}

absl::Status EventFile::AddScalar(std::string_view tag, int64_t step, double wall_time,
                                  double value) {
  Message summary;  // Summary.Value
  summary.Bytes(1, TagText(tag)).Float(2, ToFloat(value));
  return file_.Append(Record(Event(step, wall_time).Bytes(5, Summary(summary))));
}

absl::Status EventFile::AddImage(std::string_view tag, int64_t step, double wall_time,
                                 std::string_view png, int width, int height) {
  constexpr uint64_t kRgb = 3;
  Message image;
  image.Varint(1, static_cast<uint64_t>(height)).Varint(2, static_cast<uint64_t>(width));
  image.Varint(3, kRgb).Bytes(4, png);
  Message summary;  // Summary.Value
  summary.Bytes(1, TagText(tag)).Bytes(4, image.bytes());
  return file_.Append(Record(Event(step, wall_time).Bytes(5, Summary(summary))));
}

absl::Status EventFile::AddText(std::string_view tag, int64_t step, double wall_time,
                                std::string_view text) {
  constexpr uint64_t kString = 7;  // DataType
  Message size, tensor, summary;
  size.Bytes(2, Message().Varint(1, 1).bytes());  // TensorShapeProto of one dimension of 1
  tensor.Varint(1, kString).Bytes(2, size.bytes()).Bytes(8, text);
  summary.Bytes(1, TagText(tag)).Bytes(8, tensor.bytes()).Bytes(9, Metadata("text", "").bytes());
  return file_.Append(Record(Event(step, wall_time).Bytes(5, Summary(summary))));
}

absl::Status EventFile::AddHparams(double wall_time, const std::vector<Hparam>& hparams) {
  Message start;  // SessionStartInfo
  for (const auto& [name, value] : std::map(hparams.begin(), hparams.end())) {
    Message entry;
    entry.Bytes(1, TagText(name)).Bytes(2, Value(value).bytes());
    start.Bytes(1, entry.bytes());
  }
  start.Double(5, wall_time);
  Message summary;  // HParamsPluginData holds it in field 3
  summary.Bytes(1, "_hparams_/session_start_info")
      .Bytes(9, Metadata("hparams", Message().Bytes(3, start.bytes()).bytes()).bytes());
  return file_.Append(Record(Event(0, wall_time).Bytes(5, Summary(summary))));
}

}  // namespace draftp
