#include "draftp/checkpoint/any_layout.h"

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/checkpoint/hugging_face_layout.h"
#include "draftp/checkpoint/open_clip_layout.h"
#include "draftp/checkpoint/single_file_layout.h"
#include "draftp/io/printable.h"

namespace draftp {

std::span<const AnyLayout> Layouts() {
  static constexpr std::array kLayouts = {AnyLayout::Of<HuggingFaceLayout>(),
                                          AnyLayout::Of<OpenClipLayout>(),
                                          AnyLayout::Of<SingleFileLayout>()};
  return kLayouts;
}

std::string FirstNames(std::vector<std::string> names) {
  constexpr size_t kNamed = 3;
  const size_t more = names.size() > kNamed ? names.size() - kNamed : 0;
  names.resize(names.size() - more);
  for (std::string& name : names) name = Printable(name, 60);
  return absl::StrCat(absl::StrJoin(names, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

absl::StatusOr<AnyLayout> DetectLayout(const WeightMap& weights) {
  std::optional<AnyLayout> only;
  std::vector<std::string> seen, expected;
  for (const AnyLayout& layout : Layouts()) {
    expected.emplace_back(layout.expected);
    if (layout.Sees(weights).empty()) continue;
    seen.emplace_back(layout.expected);
    only = layout;
  }
  if (seen.size() == 1) return *only;
  const std::string source = Printable(weights.sources().front(), 4096);
  if (!seen.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(source, ": found tensors of ",
                                                   absl::StrJoin(seen, ", and of "),
                                                   ", expected those of one of these layouts"));
  }
  const std::vector<std::string> names = weights.names();
  const std::string found = names.empty() ? "no tensors" : "tensors " + FirstNames(names);
  return absl::NotFoundError(
      absl::StrCat(source, ": found ", found, ", expected ", absl::StrJoin(expected, ", or ")));
}

}  // namespace draftp
