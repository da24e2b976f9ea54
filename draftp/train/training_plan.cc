#include "draftp/train/training_plan.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "draftp/io/count.h"
#include "draftp/io/format_bytes.h"
#include "draftp/run/embedded.h"
#include "draftp/run/plan_text.h"
#include "draftp/run/process_memory.h"
#include "draftp/run/progress.h"
#include "draftp/shard/any_sharding_policy.h"
#include "draftp/train/caption_order.h"
#include "draftp/train/sdxl_step.h"
#include "draftp/train/step_batches.h"
#include "draftp/train/step_policy.h"
#include "draftp/train/training_memory.h"
#include "draftp/train/validation.h"

namespace draftp {
namespace {

// Steps 0, I, 2I, ... and the last.
int64_t Validations(const TrainConfig& config) {
  if (config.val_check_interval == 0) return 0;
  return 1 + (config.max_steps + config.val_check_interval - 1) / config.val_check_interval;
}

int64_t ValidationPictures(const TrainConfig& config, const TrainingSetup& setup) {
  return static_cast<int64_t>(setup.validation_captions.size()) * config.images_per_prompt;
}

std::string DescribeMemory(const TrainConfig& config, const TrainingSetup& setup, int ranks) {
  const TrainingMemory memory = EstimateTrainingMemory(config, setup, ranks);
  const std::string where =
      setup.device.is_cuda() ? " on the GPU, at most about" : ", at the worst moment, about";
  const std::string of_ranks = ranks == 1
                                   ? ""
                                   : absl::StrCat("memory  of each of ", ranks,
                                                  " ranks, --sharding ", config.sharding, ":\n");
  return absl::StrCat(of_ranks, PlanTable("memory", memory.rows),
                      PlanTable("memory", {{"together" + where, memory.together}}));
}

std::string DescribeDisk(const TrainConfig& config, const TrainingSetup& setup) {
  int64_t values = 0;
  for (const Parameter& parameter : setup.model->parameters())
    values += parameter.value.numel() * static_cast<int64_t>(sizeof(float));
  const int64_t checkpoint = values * (config.ema ? 4 : 3);
  const int64_t saves = (config.max_steps + config.save_interval - 1) / config.save_interval;
  const bool best =
      config.val_check_interval > 0 && (!setup.model->full() || saves > config.keep_checkpoints);
  const int64_t stay = std::min(saves, config.keep_checkpoints) + (best ? 1 : 0);
  const ImageSize size = setup.options.draw.size;
  const int64_t sheet =
      2 * ValidationPictures(config, setup) *
      PngBytes(std::min<int64_t>(size.width, 512), std::min<int64_t>(size.height, 512));
  const int64_t adapters = setup.model->full() || config.keep_adapters == 0 ? 0
                           : config.keep_adapters < 0
                               ? Validations(config)
                               : std::min(Validations(config), config.keep_adapters);
  const int64_t sheets = Validations(config) * sheet;
  constexpr int64_t kLogOfAStep = 1500;  // log.jsonl and events
  const PlanRows rows = {
      {absl::StrCat(Count(stay, "checkpoint"), " of ", FormatBytes(checkpoint),
                    best ? ", the best among them" : ""),
       stay * checkpoint},
      {"one more while it is written", checkpoint},
      {"moving average", config.ema ? values : 0},
      {Count(adapters, "adapter") + " of validations", adapters * values / 2},
      {absl::StrCat(Count(Validations(config), "sheet"), " of pictures, twice (TensorBoard)"),
       2 * sheets},
      {"logs and report, about", config.max_steps * kLogOfAStep + (sheets > 0 ? 3 * sheet : 0)}};
  const int64_t total =
      std::accumulate(rows.begin(), rows.end(), int64_t{0},
                      [](int64_t sum, const auto& row) { return sum + row.second; });
  return absl::StrCat(PlanTable("disk", rows), PlanTable("disk", {{"together, about", total}}));
}

// One optimiser step, from captions to changed weights. The second on a GPU, where the first
// records CUDA graphs.
absl::StatusOr<double> ProbeStep(const TrainConfig& config, TrainingSetup& setup, World& world,
                                 AnyShardingPolicy& policy) {
  SdxlTrainStep step(*setup.model, *setup.reward, setup.options);
  const StepShare share =
      ShareOf(config, world.rank(), world.size(), SumsInOrder(config, setup.device));
  const CaptionOrder order(static_cast<int64_t>(setup.captions.size()), config.seed);
  double begin = 0;
  for (int64_t i = 0; i < (setup.device.is_cuda() ? 2 : 1); ++i) {
    begin = Progress::WallSeconds();
    policy.Begin(share.micro_batches);
    const auto result = RunMicroBatches(share,
                                        {.step = i,
                                         .first_sample = i * config.global_batch_size,
                                         .kl_coefficient = setup.kl_schedule.Initial()},
                                        setup.captions, order, step, policy);
    if (!result.ok()) return result.status();
    const at::Tensor norm = policy.GradientNorm();
    policy.Step(setup.learning_rate(0), norm);
    setup.model->ParametersChanged();
    const World::Waiting waiting(world, "the sum of gradients");
    static_cast<void>(norm.item<double>());  // waits for the device
  }
  return Progress::WallSeconds() - begin;
}

// Seconds of one picture of a validation.
absl::StatusOr<double> ProbePicture(const TrainConfig& config, TrainingSetup& setup) {
  const double begin = Progress::WallSeconds();
  Validation validation(*setup.model, *setup.reward, setup.held_out.get(), setup.options,
                        {.prompts = {setup.validation_captions.front()},
                         .images_per_prompt = 1,
                         .batch_size = config.micro_batch_size});
  const auto result = validation.Run();
  if (!result.ok()) return result.status();
  return (Progress::WallSeconds() - begin) / 2;  // of both models
}

}  // namespace

std::string DescribeTraining(const TrainConfig& config, const TrainingSetup& setup) {
  const TrainingModel& model = *setup.model;
  const int64_t samples = config.max_steps * config.global_batch_size;
  return absl::StrFormat(
      "trains %d parameters (%s) of %s on %s, in %s\n"
      "steps %d of %s, %d at once: %s of %dx%d, %s each, %.2f epochs of %s\n",
      CountElements(model.parameters()), DescribeTrained(model), DescribeModel(config.model),
      setup.device.name, DtypeName(setup.device), config.max_steps,
      Count(config.global_batch_size, "image"), config.micro_batch_size, Count(samples, "image"),
      setup.options.draw.size.width, setup.options.draw.size.height,
      Count(config.sampling.steps, "denoising step"),
      static_cast<double>(samples) / static_cast<double>(setup.captions.size()),
      Count(static_cast<int64_t>(setup.captions.size()), "caption"));
}

std::string DescribePlan(const TrainConfig& config, const TrainingSetup& setup, int ranks) {
  return absl::StrCat(DescribeTraining(config, setup), Count(Validations(config), "validation"),
                      " of ", Count(ValidationPictures(config, setup), "picture"),
                      " by each model\n", DescribeMemory(config, setup, ranks),
                      DescribeDisk(config, setup));
}

absl::Status DryRunTraining(const TrainConfig& config, TrainingSetup& setup, World& world,
                            std::ostream& log) {
  log << DescribePlan(config, setup, world.size());
  if (config.dry_run != "probe") {
    log << "time    not known before a step is taken: --dry_run=probe\n";
    return absl::OkStatus();
  }
  AnyShardingPolicy policy = MakeStepPolicy(config, setup, world);
  UnderPolicy(config, setup, policy);
  const auto step = ProbeStep(config, setup, world, policy);
  if (!step.ok()) return step.status();
  const double steps = *step * static_cast<double>(config.max_steps);
  log << absl::StrFormat("time    a step %s, all of them %s\n", FormatSeconds(*step),
                         FormatSeconds(steps));
  double drawing = 0;
  if (const int64_t validations = Validations(config); validations > 0) {
    const auto picture = ProbePicture(config, setup);
    policy.Settle();
    if (!picture.ok()) return picture.status();
    // The base model's are drawn once.
    const int64_t pictures = (validations + 1) * ValidationPictures(config, setup);
    drawing = *picture * static_cast<double>(pictures);
    log << absl::StrFormat("time    a picture of a validation %s, all %d of them %s at most\n",
                           FormatSeconds(*picture), pictures, FormatSeconds(drawing));
  }
  log << "time    together about " << FormatSeconds(steps + drawing) << '\n'
      << PlanTable("memory", {{"measured peak of the probe", PeakBytes(setup.device)}});
  return absl::OkStatus();
}

}  // namespace draftp
