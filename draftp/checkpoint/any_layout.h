// All layouts, and which of them a file has.
#ifndef DRAFTP_CHECKPOINT_ANY_LAYOUT_H_
#define DRAFTP_CHECKPOINT_ANY_LAYOUT_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/layout.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

// A layout that is chosen at run time (layout.h says what its members do).
struct AnyLayout {
  std::string_view expected;
  std::vector<ModelPart> (*Sees)(const WeightMap& weights);
  absl::StatusOr<std::vector<LayoutPart>> (*Parts)(WeightMap weights);
  absl::StatusOr<PartConfig> (*Config)(const LayoutPart& part, const std::string& folder);

  template <Layout L>
  static constexpr AnyLayout Of() {
    return {L::kExpected, &L::Sees, &L::Parts, &L::Config};
  }
  bool operator==(const AnyLayout& other) const { return Sees == other.Sees; }
};

// A new layout is a line of this list.
std::span<const AnyLayout> Layouts();

// The one layout that sees parts in these weights. Names and shapes that none recognises
// (NotFound), or more than one, are an error: what was found, and what is expected.
absl::StatusOr<AnyLayout> DetectLayout(const WeightMap& weights);

// The first three of these names and how many more there are, for messages.
std::string FirstNames(std::vector<std::string> names);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_ANY_LAYOUT_H_
