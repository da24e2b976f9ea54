// Models and goldens that the tests of this room share.
#ifndef DRAFTP_TRAIN_TRAINING_FIXTURE_H_
#define DRAFTP_TRAIN_TRAINING_FIXTURE_H_

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/model/unet_fixture.h"
#include "draftp/reward/composite_reward.h"
#include "draftp/sdxl/sdxl_model.h"
#include "draftp/train/training_model.h"

namespace draftp::testing {

inline constexpr char kTinySdxl[] = "testdata/tiny_sdxl";

inline SdxlModel TinySdxl(at::ScalarType dtype) {
  return Value(SdxlModel::Load({.model = kTinySdxl},
                               {.network = OnCpu(dtype), .name = "cpu", .notice = ""}));
}

// The embedded reward.
inline CompositeReward TinyReward(const SdxlModel& sdxl, bool recompute = false) {
  const std::vector<CompositeReward::Spec> specs = {
      {.path = std::string(kTinySdxl) + "/reward_model"}};
  return Value(CompositeReward::Load(specs, {.placement = sdxl.unet.placement(),
                                             .fallback_tokenizer = &sdxl.tokenizer,
                                             .pieces = RecomputeIf(recompute)}));
}

// A golden file with its JSON.
class TrainingGolden {
 public:
  explicit TrainingGolden(const std::string& name)
      : file_(Value(SafetensorsFile::Open("testdata/goldens/" + name + ".safetensors"))),
        json_(nlohmann::json::parse(file_->metadata().at("golden"))) {}

  const nlohmann::json& json() const { return json_; }
  bool Contains(const std::string& name) const { return file_->Contains(name); }
  at::Tensor operator()(const std::string& name) const { return Value(file_->Tensor(name)); }

 private:
  std::shared_ptr<const SafetensorsFile> file_;
  nlohmann::json json_;
};

// PATH.lora_A.weight, as parameters are named, to PATH.lora_A, as goldens name the same tensor.
inline std::string GoldenName(const std::string& parameter) {
  for (const char* factor : {".lora_A.weight", ".lora_B.weight"}) {
    if (parameter.ends_with(factor)) return parameter.substr(0, parameter.size() - 7);
  }
  return parameter;
}

// Sets the value and the leaf of each parameter to `value(name)`.
template <class F>
void SetParameters(const Parameters& parameters, F&& value) {
  for (const Parameter& parameter : parameters) {
    parameter.value.detach().copy_(value(parameter.name));
    parameter.leaf.detach().copy_(value(parameter.name));
  }
}

}  // namespace draftp::testing

#endif  // DRAFTP_TRAIN_TRAINING_FIXTURE_H_
