// An SDXL made ready for training: what is frozen, what is trained, and the form in which calls
// without gradient take both.
#ifndef DRAFTP_TRAIN_TRAINING_MODEL_H_
#define DRAFTP_TRAIN_TRAINING_MODEL_H_

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "draftp/model/unet.h"
#include "draftp/run/compute_device.h"
#include "draftp/sdxl/sdxl_model.h"
#include "draftp/sdxl/sdxl_predictor.h"
#include "draftp/shard/sharding_policy.h"
#include "draftp/train/lora_init.h"
#include "draftp/train/parameters.h"
#include "draftp/train/train_config.h"

namespace draftp {

// The base model's weights never change. With LoRA the tuned model is the same network with adapter
// slot 0; with full fine-tuning it is a copy of its own. On a CPU in float32 both have a second,
// packed form that calls without gradient use, unless the weights themselves are sharded; so have
// the decoder and the text encoders. It stays where it is: predictors point into it.
class TrainingModel {
 public:
  // InvalidArgument or DataLoss names flag or file.
  static absl::StatusOr<std::unique_ptr<TrainingModel>> Load(const TrainConfig& config,
                                                             const ComputeDevice& device);

  // From networks that are loaded already: what Load does after reading.
  static absl::StatusOr<std::unique_ptr<TrainingModel>> Make(SdxlModel sdxl,
                                                             const TrainConfig& config);

  TrainingModel(const TrainingModel&) = delete;
  TrainingModel& operator=(const TrainingModel&) = delete;

  // The mixture's models: kBaseNetwork and kTunedNetwork.
  const std::vector<SdxlNetwork>& networks() const { return networks_; }
  const Parameters& parameters() const { return parameters_; }
  const SdxlModel& sdxl() const { return sdxl_; }
  bool full() const { return full_; }
  // The network that is trained; its adapter with LoRA.
  const UNet& tuned() const { return full_ ? *sdxl_.tuned[0].unet : sdxl_.unet; }
  const VaeDecoder& inference_vae() const { return packed_vae_ ? *packed_vae_ : sdxl_.vae; }

  // What a sharding policy is made of: parameters, and what the networks' pieces read.
  ShardingArguments Sharding() const;

  // After the optimiser has changed the parameters: brings the packed form of a fully trained
  // network up to date.
  void ParametersChanged();

 private:
  TrainingModel(SdxlModel sdxl, bool full) : sdxl_(std::move(sdxl)), full_(full) {}
  absl::Status AttachAdapter(const TrainConfig& config);
  void Pack(bool networks, bool frozen);

  SdxlModel sdxl_;
  const bool full_;
  Parameters parameters_;
  std::optional<UNet> packed_base_, packed_tuned_;
  std::optional<VaeDecoder> packed_vae_;
  std::vector<SdxlNetwork> networks_;
};

// "LoRA of rank 8 on 136 layers", "LoRA of ranks 4 to 16 on ...", "the whole UNet": of what is
// trained, whatever the settings say.
std::string DescribeTrained(const TrainingModel& model);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAINING_MODEL_H_
