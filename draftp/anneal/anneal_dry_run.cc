#include "draftp/anneal/anneal_dry_run.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <string>
#include <vector>

#include "draftp/anneal/anneal_model.h"
#include "draftp/anneal/image_drawer.h"
#include "draftp/io/count.h"
#include "draftp/io/format_bytes.h"
#include "draftp/run/embedded.h"
#include "draftp/run/plan_text.h"
#include "draftp/run/process_memory.h"
#include "draftp/run/progress.h"
#include "draftp/sdxl/memory_estimate.h"
#include "draftp/sdxl/sdxl_model.h"

namespace draftp {
namespace {

struct Job {
  const AnnealConfig& config;
  const AnnealPlan& plan;
  const ComputeDevice& device;
  const SdxlModel& model;
  ImageSize size;
  NoiseSchedule schedule;

  int64_t pictures() const { return plan.pictures() * static_cast<int64_t>(plan.blends.size()); }
  // The type that evaluates most networks, which is the one that needs most memory.
  const Blend& Heaviest() const {
    return *std::ranges::max_element(
        plan.blends, {}, [this](const Blend& type) { return WorkPerImage({type}, schedule); });
  }
};

std::string DescribeImages(const Job& job) {
  const AnnealPlan& plan = job.plan;
  std::vector<std::string> types;
  for (const Blend& type : plan.blends) types.push_back(type.text);
  const std::string processes = DescribeProcesses(plan);
  return absl::StrFormat(
      "draws %s of %dx%d with %s on %s, in %s: %s, %s each, %s (%s)\n"
      "runs %s, %d evaluations of a network for each image and all weight types, batches of %d%s\n",
      Count(job.pictures(), "picture"), job.size.width, job.size.height,
      DescribeModel(job.config.model), job.device.name, DtypeName(job.device),
      Count(static_cast<int64_t>(plan.prompts.size()), "prompt"),
      Count(plan.images_per_prompt, "image"),
      Count(static_cast<int64_t>(types.size()), "weight type"), absl::StrJoin(types, ", "),
      Count(job.config.sampling.steps, "denoising step"), WorkPerImage(plan.blends, job.schedule),
      plan.batch_size, processes.empty() ? "" : processes + "; memory is of one");
}

// What the calls of one batch work in.
int64_t WorkspaceBytes(const Job& job) {
  const int64_t factor = job.model.vae.config.Downsampling();
  const int64_t height = job.size.height / factor, width = job.size.width / factor;
  const int64_t batch = std::min(job.plan.batch_size, job.plan.own_images());
  const Blend& heaviest = job.Heaviest();
  int models = 1;
  for (int i = 0; i < job.schedule.steps(); ++i)
    models = std::max(models, heaviest.Evaluations(job.schedule.Step(i)));
  const bool guided = job.config.sampling.guided() || heaviest.blending.guides_itself();
  const int64_t groups = models * (guided ? 2 : 1);
  const int64_t rows = batch * std::max<int64_t>(1, groups / job.plan.together);
  const int64_t element = job.device.network.dtype == at::kBFloat16 ? 2 : 4;
  const int64_t calls = element * rows * UNetWorkspace(job.model.unet.config, height, width);
  // One picture at a time.
  const int64_t decode = 4 * DecoderWorkspace(job.model.vae.config, height, width);
  if (job.device.is_cuda()) return std::max(calls, decode);
  // Measured with glibc 2.36: each thread's heap keeps as much again in holes between the many
  // sizes of a UNet's tensors, and up to 32 MiB behind the decoder's; the rest is code.
  constexpr int64_t kMib = 1 << 20;
  return 2 * calls + decode + std::min(decode * 3 / 10, 32 * kMib) + 10 * kMib;
}

// Cells are at most 512 a side, the sheet about 16,000 (io/contact_sheet.h).
int64_t SheetPixels(const Job& job) {
  constexpr int64_t kCell = 512, kSheet = 16'000;
  const int64_t columns = static_cast<int64_t>(job.plan.blends.size());
  const int64_t width = std::min(kSheet, columns * std::min(kCell, job.size.width));
  const int64_t height = std::min(kSheet, job.plan.images() * std::min(kCell, job.size.height));
  return width * height;
}

std::string DescribeMemory(const Job& job) {
  const SdxlModel& model = job.model;
  const int64_t unet = WeightBytes(model.unet);
  int64_t tuned = 0;
  for (const TunedModel& made : model.tuned) tuned += made.unet ? WeightBytes(*made.unet) : 0;
  const int64_t decoder = WeightBytes(model.vae);
  const int64_t text =
      WeightBytes(model.text_encoders.first) + WeightBytes(model.text_encoders.second);
  const int64_t workspace = WorkspaceBytes(job), sheet = 2 * 3 * SheetPixels(job);
  if (job.device.is_cuda()) {
    return PlanTable("memory", {{"base UNet", unet},
                                {"fine-tuned UNets", tuned},
                                {"VAE decoder", decoder},
                                {"text encoders", text},
                                {"workspace of a batch, about", workspace},
                                {"together on the GPU, at least about",
                                 unet + tuned + decoder + text + workspace}});
  }
  // Layers that a LoRA leaves alone are shared by both networks.
  const int64_t program = ResidentBytes() - decoder - text;
  const int64_t together = std::max(PeakResidentBytes(), ResidentBytes() + workspace + sheet);
  return PlanTable("memory", {{"program, libraries, UNets", program},
                              {"VAE decoder", decoder},
                              {"text encoders", text},
                              {"workspace of a batch, about", workspace},
                              {"overview, about", sheet},
                              {"together, at the worst moment, about", together}});
}

std::string DescribeDisk(const Job& job) {
  constexpr int64_t kTexts = 1500;  // caption, and the picture's own
  const int64_t pictures = job.pictures() * (PngBytes(job.size.width, job.size.height) + kTexts);
  const int64_t sheet = 3 * SheetPixels(job) / 2;
  return PlanTable("disk", {{"pictures and captions, about", pictures},
                            {"overview.png, about", sheet},
                            {"together, about", pictures + sheet}});
}

absl::Status Probe(const Job& job, World* pair, std::ostream& log) {
  ImageDrawer drawer(job.model, job.plan, job.schedule,
                     {.size = job.size,
                      .negative_prompt = job.config.negative_prompt,
                      .warn = [](const std::string&) {},
                      .on_work = [](int64_t) {},
                      .pair = pair});
  const std::vector<int64_t> images = job.plan.Batch(0);
  std::vector<std::string> captions;
  for (const int64_t image : images) captions.push_back(job.plan.PromptOf(image));
  const auto streams = NoiseStreams::Named(job.config.noise, job.config.seed, job.plan.rank);
  if (!streams.ok()) return streams.status();
  AnyNoise noise = streams->ForBatch(images);
  const Blend& type = job.Heaviest();
  if (absl::Status encoded = drawer.SetCaptions(captions); !encoded.ok()) return encoded;
  const auto latents = drawer.Latents(type, noise);
  if (!latents.ok()) return latents.status();
  if (pair != nullptr && !pair->first()) return absl::OkStatus();
  const auto pictures = drawer.Pictures(*latents);
  if (!pictures.ok()) return pictures.status();
  const auto count = static_cast<double>(images.size());
  const double sample = drawer.timings().sample / count, decode = drawer.timings().decode / count,
               encode = drawer.timings().encode / count;
  const auto work = [&](const std::vector<Blend>& blends) {
    return static_cast<double>(WorkPerImage(blends, job.schedule));
  };
  const auto all = static_cast<double>(job.plan.own_images()),
             columns = static_cast<double>(job.plan.blends.size());
  const double total =
      all * (encode + sample * work(job.plan.blends) / work({type}) + decode * columns);
  log << absl::StrFormat("time    a picture of %s %s, all %d pictures together about %s\n",
                         type.text, FormatSeconds(encode + sample + decode), job.pictures(),
                         FormatSeconds(total))
      << PlanTable("memory", {{"measured peak of the probe", PeakBytes(job.device)}});
  return absl::OkStatus();
}

}  // namespace

absl::Status DryRunAnneal(const AnnealConfig& config, const AnnealPlan& plan,
                          const ComputeDevice& device, World* pair, std::ostream& log) {
  const auto model = AnnealModel::Load(config, device);
  if (!model.ok()) return model.status();
  const Job job{config, plan, device, model->sdxl, model->size, model->schedule};
  log << DescribeImages(job) << DescribeMemory(job) << DescribeDisk(job);
  if (config.dry_run == "probe") return Probe(job, pair, log);
  log << "time    not known before a picture is drawn: --dry_run=probe\n";
  return absl::OkStatus();
}

}  // namespace draftp
