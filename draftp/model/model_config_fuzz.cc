// Any JSON as the configs of a model's parts: an error of one line, or a config within its limits.
#include <string_view>

#include "draftp/io/json_file.h"
#include "draftp/model/pipeline_config.h"
#include "draftp/model/scheduler_config.h"
#include "draftp/model/unet_config.h"
#include "draftp/model/vae_config.h"
#include "draftp/testing/fuzz.h"

namespace draftp {
namespace {

template <class Config>
void Check(const absl::StatusOr<Config>& config) {
  if (!config.ok()) testing::FuzzRequireMessage(config.status().message(), "config.json");
}

void Try(std::string_view text) {
  const auto json = ParseJson("config.json", text);
  if (!json.ok()) return testing::FuzzRequireMessage(json.status().message(), "config.json");
  const JsonReader reader("config.json", *json);
  Check(ParsePipelineConfig(reader));
  Check(ParseSchedulerConfig(reader));
  const auto unet = ParseUNetConfig(reader);
  Check(unet);
  const auto vae = ParseVaeConfig(reader);
  Check(vae);
  if (unet.ok()) testing::FuzzRequire(!unet->levels.empty(), "a UNet has levels");
  if (vae.ok()) testing::FuzzRequire(vae->Downsampling() >= 1, "a decoder has a factor");
}

}  // namespace
}  // namespace draftp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  draftp::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}
