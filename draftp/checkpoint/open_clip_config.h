// What open_clip's models have besides the sizes that their weights show: published values, and
// open_clip_config.json.
#ifndef DRAFTP_CHECKPOINT_OPEN_CLIP_CONFIG_H_
#define DRAFTP_CHECKPOINT_OPEN_CLIP_CONFIG_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/layout.h"

namespace draftp {

// The config of a CLIPModel from its towers' sizes (clip_sizes.h), as OpenClipLayout::Config says.
// `source` is the file of the weights, for messages.
absl::StatusOr<PartConfig> OpenClipConfig(const std::string& source, nlohmann::json text,
                                          nlohmann::json image, const std::string& folder);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_OPEN_CLIP_CONFIG_H_
