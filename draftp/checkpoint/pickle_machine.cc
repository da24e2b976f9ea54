#include "draftp/checkpoint/pickle_machine.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace draftp {

// The None at place 0 is what failed operations yield.
PickleMachine::PickleMachine(std::span<const std::byte> bytes) : bytes_(bytes), values_(1) {}

void PickleMachine::Fail(const std::string& what) {
  if (error_.empty()) error_ = absl::StrCat("byte ", position_, " of the pickle: ", what);
}

std::string_view PickleMachine::Take(uint64_t count) {
  const size_t left = bytes_.size() - position_;
  if (count > left) {
    Fail(absl::StrCat("found ", left, " bytes more, expected ", count));
    return {};
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + position_, count);
  position_ += count;
  return text;
}

uint64_t PickleMachine::Number(size_t width) {
  uint64_t value = 0;
  const std::string_view text = Take(width);
  if (!text.empty()) std::memcpy(&value, text.data(), text.size());
  return value;
}

std::string_view PickleMachine::Line() {
  const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + position_,
                              bytes_.size() - position_);
  const size_t length = rest.find('\n');
  if (length == std::string_view::npos) {
    Fail("found no end of a line, expected one");
    return {};
  }
  position_ += length + 1;
  return rest.substr(0, length);
}

PickleId PickleMachine::Make(PickleValue value) {
  if (values_.size() >= kMaxPickleValues) {
    Fail(absl::StrCat("found more than ", kMaxPickleValues, " values, expected at most that many"));
    return 0;
  }
  if (!Count(value.items.size())) return 0;
  values_.push_back(std::move(value));
  return static_cast<PickleId>(values_.size() - 1);
}

bool PickleMachine::Count(size_t items) {
  items_ += items;
  if (items_ <= kMaxPickleItems) return true;
  Fail(absl::StrCat("found more than ", kMaxPickleItems, " items, expected at most that many"));
  return false;
}

PickleId PickleMachine::MakeText(PickleKind kind, std::string_view text) {
  return Make({.kind = kind, .text = text});
}

bool PickleMachine::HasRoom() {
  if (stack_.size() + marks_.size() < kMaxPickleValues) return true;
  Fail(absl::StrCat("found more than ", kMaxPickleValues,
                    " values on the stack, expected at most that many"));
  return false;
}

void PickleMachine::Push(PickleId id) {
  if (HasRoom()) stack_.push_back(id);
}

void PickleMachine::Mark() {
  if (HasRoom()) marks_.push_back(stack_.size());
}

PickleId PickleMachine::Top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
    Fail("found nothing on the stack, expected a value");
    return 0;
  }
  return stack_.back();
}

PickleId PickleMachine::Pop() {
  const PickleId top = Top();
  if (ok()) stack_.pop_back();
  return top;
}

std::vector<PickleId> PickleMachine::PopToMark() {
  if (marks_.empty()) {
    Fail("found no mark on the stack, expected one");
    return {};
  }
  const auto begin = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
  std::vector<PickleId> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleMachine::Put(uint64_t place) {
  if (place >= kMaxPickleValues) {
    Fail(
        absl::StrCat("found place ", place, " of the memo, expected one below ", kMaxPickleValues));
    return;
  }
  if (place >= memo_.size()) memo_.resize(std::max<size_t>(place + 1, 2 * memo_.size()), kUnset);
  const PickleId top = Top();
  if (!ok()) return;
  if (memo_[place] == kUnset) ++memo_used_;
  memo_[place] = top;
}

void PickleMachine::Get(uint64_t place) {
  if (place >= memo_.size() || memo_[place] == kUnset) {
    Fail(absl::StrCat("found nothing at place ", place, " of the memo, expected a value"));
    return;
  }
  Push(memo_[place]);
}

}  // namespace draftp
