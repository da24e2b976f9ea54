#include "draftp/anneal/anneal_summary.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "draftp/io/count.h"
#include "draftp/io/printable.h"

namespace draftp {

std::string DescribeDrawing(const AnnealConfig& config, const AnnealPlan& plan, ImageSize size,
                            const ComputeDevice& device) {
  const auto types = static_cast<int64_t>(plan.blends.size());
  std::vector<std::string> names;
  for (const Blend& blend : plan.blends) names.push_back(blend.text);
  return absl::StrCat(
      "draws ", Count(static_cast<int64_t>(plan.prompts.size()), "prompt"),
      plan.images_per_prompt > 1 ? absl::StrCat(" ", plan.images_per_prompt, " times each") : "",
      " with ", Count(types, "weight type"), " (", absl::StrJoin(names, ", "),
      "): ", Count(plan.pictures() * types, "picture"), " of ", size.width, "x", size.height, ", ",
      Count(config.sampling.steps, "step"), " each, ", plan.batch_size, " at once, on ",
      device.name, " in ", DtypeName(device), DescribeProcesses(plan));
}

std::string DescribeDrawn(int64_t drawn, int64_t kept, const std::string& output_dir) {
  const std::string pictures =
      kept > 0 ? absl::StrCat(Count(drawn, "picture"), " drawn, ", kept, " kept,")
               : Count(drawn, "picture");
  return absl::StrCat(pictures, " and overview.png in ", Printable(output_dir, 4096));
}

}  // namespace draftp
