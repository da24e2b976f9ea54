// What a pickle of Python's describes, read without building any of its objects.
//
// Opcodes of protocols 0 to 5 (https://docs.python.org/3/library/pickletools.html). Nothing is
// imported and nothing is called: plain values become values, calls of functions that the reader
// keeps become their name and arguments, and all else becomes a value that only says what it is.
#ifndef DRAFTP_CHECKPOINT_PICKLE_H_
#define DRAFTP_CHECKPOINT_PICKLE_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/pickle_value.h"

namespace draftp {

// Limits: bytes of one pickle, values in it (and places of its memo and stack), and items of all
// its tuples, lists and dicts together.
inline constexpr size_t kMaxPickle = size_t{64} << 20;
inline constexpr size_t kMaxPickleValues = 2'000'000;
inline constexpr size_t kMaxPickleItems = 8'000'000;

// Reads the pickle that `bytes` begin with; its texts are views of them. `keeps` says of which
// globals ("torch._utils._rebuild_tensor_v2") calls are kept. Memory stays within the limits above,
// whatever lengths the pickle claims. Errors, without the file's name: at which byte, what was
// found, what was expected.
absl::StatusOr<Pickle> ReadPickle(std::span<const std::byte> bytes,
                                  bool (*keeps)(std::string_view global));

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_PICKLE_H_
