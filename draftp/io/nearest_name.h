// The name that a wrong one was probably meant to be, for messages.
#ifndef DRAFTP_IO_NEAREST_NAME_H_
#define DRAFTP_IO_NEAREST_NAME_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace draftp {

// The element of `names` with the fewest inserted, deleted or replaced bytes from `name`, the first
// of equals; none when `names` is empty or even the nearest differs in more than a third of `name`.
// Bounded work: at most 20,000 names are compared, and names beyond 200 bytes are passed over.
//
//   NearestName("step", std::vector<std::string>{"steps", "seed"}) == "steps"
std::optional<std::string> NearestName(std::string_view name, std::span<const std::string> names);

}  // namespace draftp

#endif  // DRAFTP_IO_NEAREST_NAME_H_
