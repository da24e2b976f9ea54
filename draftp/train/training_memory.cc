#include "draftp/train/training_memory.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>

#include "draftp/io/count.h"
#include "draftp/kernels/cpu/thread_pool.h"
#include "draftp/reward/clip_reward.h"
#include "draftp/reward/clip_towers.h"
#include "draftp/run/process_memory.h"
#include "draftp/sdxl/memory_estimate.h"
#include "draftp/sdxl/offload_model.h"
#include "draftp/sdxl/sampling_setup.h"
#include "draftp/shard/any_sharding_policy.h"
#include "draftp/train/step_batches.h"
#include "draftp/train/step_policy.h"

namespace draftp {
namespace {

constexpr int64_t kFloat = sizeof(float);

// Of the weights that are there after loading.
struct Loaded {
  int64_t unet, copies, decoder, text, rewards, values, leaves;
  int64_t all() const { return unet + copies + decoder + text + rewards + values + leaves; }
};

int64_t RewardBytes(const CompositeReward* reward) {
  int64_t bytes = 0;
  if (reward == nullptr) return bytes;
  for (const RewardMember& member : reward->members()) {
    if (const auto* clip = member.reward.As<ClipReward>())
      bytes += WeightBytes(clip->towers().text) + WeightBytes(clip->towers().image);
  }
  return bytes;
}

Loaded Measure(const TrainingSetup& setup) {
  const TrainingModel& model = *setup.model;
  const SdxlModel& sdxl = model.sdxl();
  Loaded loaded{.unet = WeightBytes(sdxl.unet),
                .copies = 0,
                .decoder = WeightBytes(sdxl.vae),
                .text = WeightBytes(sdxl.text_encoders),
                .rewards = RewardBytes(setup.reward.get()) + RewardBytes(setup.held_out.get()),
                .values = 0,
                .leaves = 0};
  for (const SdxlNetwork& network : model.networks()) {
    const bool first = network == model.networks().front();
    if (network.inference && (first || model.full()))
      loaded.copies += WeightBytes(*network.inference);
  }
  if (&model.inference_vae() != &sdxl.vae) loaded.decoder += WeightBytes(model.inference_vae());
  for (const Parameter& parameter : model.parameters()) {
    loaded.values += static_cast<int64_t>(parameter.value.nbytes());
    if (parameter.mixed()) loaded.leaves += static_cast<int64_t>(parameter.leaf.nbytes());
  }
  return loaded;
}

// What one image's calls keep, and the most that comes on top of it, in bytes.
struct Kept {
  int64_t kept, passing;
};

// The reward's gradient is taken member by member.
int64_t RewardPeak(const TrainConfig& config, const CompositeReward& reward) {
  int64_t most = 0;
  for (const RewardMember& member : reward.members()) {
    const auto* clip = member.reward.As<ClipReward>();
    if (clip == nullptr) continue;
    const KeptElements tower = KeptByImageTower(clip->towers().image, config.Recomputes("reward"));
    most = std::max(most, tower.kept + tower.passing);
  }
  return most * kFloat;
}

Kept KeptByImage(const TrainConfig& config, const TrainingSetup& setup) {
  const SdxlModel& sdxl = setup.model->sdxl();
  const int64_t factor = sdxl.vae.config.Downsampling();
  const int64_t height = setup.options.draw.size.height / factor,
                width = setup.options.draw.size.width / factor;
  const int64_t calls = GradientCalls(config), decodes = Decodes(config);
  const bool full = setup.model->full(), detached = config.objective == "drtune";
  const int64_t rows = config.sampling.guided() ? 2 : 1;
  const int64_t size = static_cast<int64_t>(sdxl.unet.conv_in.weight.element_size());
  UNetCall call{.height = height,
                .width = width,
                .tokens = sdxl.tokenizer.max_length(),
                .recompute = config.Recomputes("unet"),
                .differentiable_input = full,
                .on_gpu = setup.device.is_cuda()};
  const KeptElements first = KeptByUNet(setup.model->tuned(), call);
  call.differentiable_input = full || !detached;
  const KeptElements later = KeptByUNet(setup.model->tuned(), call);
  const int64_t firsts = config.objective == "draft_lv" ? calls : 1;
  const KeptElements decoder =
      KeptByDecoder(sdxl.vae, height, width, config.Recomputes("decoder"), setup.device.is_cuda());
  const int64_t unet = rows * size * (firsts * first.kept + (calls - firsts) * later.kept);
  const int64_t image = decodes * kFloat * decoder.kept;
  // The backward pass runs through the decoder, which is then let go, and through the UNet.
  const int64_t last = std::max(kFloat * decoder.passing, RewardPeak(config, *setup.reward));
  const int64_t most = std::max(image + last, rows * size * later.passing);
  return {.kept = unet + image, .passing = most - image};
}

// What malloc keeps between tensors that it could neither give back nor use again; measured with
// glibc 2.36, which unmaps what is larger than 32 MiB. Dropping and making again leaves more.
int64_t Holes(const TrainConfig& config, int64_t activations, int64_t workers) {
  constexpr int64_t kMib = 1 << 20;
  const bool churns = config.Recomputes("decoder");
  return std::min(churns ? activations : activations * 3 / 10,
                  workers * (churns ? 220 : 175) * kMib);
}

// Both models' pictures as floats, and the batch that is being drawn.
int64_t ValidationBytes(const TrainConfig& config, const TrainingSetup& setup) {
  if (config.val_check_interval == 0) return 0;
  const SdxlModel& sdxl = setup.model->sdxl();
  const ImageSize size = setup.options.draw.size;
  const int64_t factor = sdxl.vae.config.Downsampling();
  const int64_t batch =
      config.micro_batch_size *
      std::max(DecoderWorkspace(sdxl.vae.config, size.height / factor, size.width / factor),
               2 * UNetWorkspace(sdxl.unet.config, size.height / factor, size.width / factor));
  const int64_t images =
      static_cast<int64_t>(setup.validation_captions.size()) * config.images_per_prompt;
  return kFloat * (batch + 3 * images * 3 * size.height * size.width);
}

}  // namespace

int64_t GradientCalls(const TrainConfig& config) {
  if (config.objective == "draft_lv") return config.copies;
  if (config.objective == "refl") return 1;
  const int64_t steps =
      config.objective == "alignprop" ? config.sampling.steps : config.truncation_steps;
  const int64_t each = MakeSampler(config.sampling)->evaluations();
  return each * steps - (each - 1);  // the step that ends at 0 has one
}

int64_t Decodes(const TrainConfig& config) {
  return config.objective == "draft_lv" ? config.copies : 1;
}

std::string WhatTrainsInLess(const TrainConfig& config, int ranks) {
  std::vector<std::string> ways;
  const auto add = [&ways](bool open, const std::string& flag) {
    if (open) ways.push_back(flag);
  };
  add(config.memory != NameOf(MemoryMode::kBalanced), "--memory balanced");
  add(config.micro_batch_size > 1, "--micro_batch_size 1");
  add(!config.activation_checkpointing, "--activation_checkpointing");
  add(config.truncation_steps > 1, "--truncation_steps 1");
  const bool divides = kShardingPolicies.Takes(config.sharding, "blocks");
  add(ranks > 1 && !divides, "--sharding " + kShardingPolicies.TakersOf("blocks"));
  add(ranks > 1 && divides && !config.shard_frozen, "--shard_frozen");
  add(config.peft_scheme == "none", "--peft_scheme lora");
  add(config.lora_rank == 0, "a --lora_rank above 0");
  ways.push_back("a smaller --height and --width");
  return absl::StrCat("less take: ", absl::StrJoin(ways, ", "), "; --dry_run says how much");
}

TrainingMemory EstimateTrainingMemory(const TrainConfig& config, const TrainingSetup& setup,
                                      int ranks) {
  Loaded loaded = Measure(setup);
  if (setup.device.is_cuda() && config.memory == NameOf(MemoryMode::kBalanced)) loaded.text = 0;
  const StepMemory shared = StepPolicyMemory(config, setup, ranks);
  const int64_t images =
      ShareOf(config, 0, ranks, SumsInOrder(config, setup.device)).micro_batch_size;
  const bool gpu = setup.device.is_cuda();
  const int64_t program = gpu ? 0 : std::max<int64_t>(ResidentBytes() - loaded.all(), 0);
  // On a CPU each thread with images of its own has gradients of its own, and then their sum.
  const int64_t workers =
      gpu || !shared.weights_stay ? 1 : std::min<int64_t>(images, cpu::Threads());
  const int64_t gradients = shared.gradients * (workers > 1 ? workers + 1 : 1);
  const Kept image = KeptByImage(config, setup);
  const int64_t activations = images * (image.kept + image.passing);
  const int64_t holes = gpu ? 0 : Holes(config, activations, workers);
  // Pages of libraries that are touched first then, kernels that oneDNN generates.
  const int64_t first = gpu ? 0 : int64_t{30} << 20;
  const int64_t validation = ValidationBytes(config, setup);
  TrainingMemory memory;
  memory.rows = {{"program, libraries, captions", program},
                 {"base UNet", loaded.unet - shared.unet_gone()},
                 {"copies of it for calls without gradient", loaded.copies},
                 {"VAE decoder", loaded.decoder - shared.decoder_gone},
                 {"text encoders", loaded.text - shared.text_gone},
                 {"rewards", loaded.rewards - shared.rewards_gone},
                 {"trained values", loaded.values - shared.values_gone},
                 {"this rank's part of them", shared.parts},
                 {"their copy in the network's dtype", loaded.leaves - shared.leaves_gone},
                 {"blocks that are gathered while they are used", shared.gathered},
                 {"gradients", gradients + shared.sums},
                 {"AdamW moments", shared.moments},
                 {"moving average", shared.average},
                 {absl::StrCat("activations of ", Count(images, "image")), activations},
                 {"what malloc can't give back between them", holes},
                 {"code and threads of the first step", first},
                 {"a validation, which comes at another time", validation}};
  const int64_t held =
      program + loaded.all() - shared.gone() + shared.lasting() - shared.sums + first;
  // Sums over ranks have their place from the start on.
  const int64_t drawing = validation + (ranks > 1 ? shared.sums : 0);
  memory.together =
      gpu ? std::max(held + activations + gradients + shared.sums, loaded.all())
          : std::max(PeakResidentBytes(), held + std::max({activations + holes + shared.sums,
                                                           gradients + shared.sums, drawing}));
  return memory;
}

}  // namespace draftp
