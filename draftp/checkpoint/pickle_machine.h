// The state that a pickle's opcodes work on: bytes to read, a stack with marks, a memo, and values.
#ifndef DRAFTP_CHECKPOINT_PICKLE_MACHINE_H_
#define DRAFTP_CHECKPOINT_PICKLE_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "draftp/checkpoint/pickle.h"

namespace draftp {

// Every operation is safe at any time. The first that can't be done leaves its reason in error()
// and yields zero, nothing, or a None from then on; whoever runs the machine stops there.
class PickleMachine {
 public:
  explicit PickleMachine(std::span<const std::byte> bytes);

  const std::string& error() const { return error_; }
  bool ok() const { return error_.empty(); }
  // Keeps the first reason; expects "found .., expected ..".
  void Fail(const std::string& what);
  size_t position() const { return position_; }

  // Reading.
  uint64_t Number(size_t width);  // little-endian, unsigned
  std::string_view Take(uint64_t count);
  std::string_view Line();  // without its newline

  // Values.
  PickleId Make(PickleValue value);
  PickleId MakeText(PickleKind kind, std::string_view text);
  PickleValue& At(PickleId id) { return values_[id]; }
  std::vector<PickleValue> TakeValues() { return std::move(values_); }
  // Whether so many items more, which a value gets, are within the limit.
  bool Count(size_t items);

  // The stack; only what lies above the last mark can be reached.
  void Push(PickleId id);
  PickleId Pop();
  PickleId Top();
  void Mark();
  std::vector<PickleId> PopToMark();
  bool AtMark() const { return !marks_.empty() && stack_.size() == marks_.back(); }

  // The memo.
  void Put(uint64_t place);
  void PutNext() { Put(memo_used_); }
  void Get(uint64_t place);

 private:
  bool HasRoom();

  static constexpr PickleId kUnset = ~PickleId{0};

  std::span<const std::byte> bytes_;
  size_t position_ = 0;
  std::string error_;
  std::vector<PickleValue> values_;
  size_t items_ = 0;
  std::vector<PickleId> stack_;
  std::vector<size_t> marks_;
  std::vector<PickleId> memo_;
  size_t memo_used_ = 0;
};

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_PICKLE_MACHINE_H_
