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

struct Job : AnnealWork {
  int64_t pictures() const { return plan.pictures() * static_cast<int64_t>(plan.blends.size()); }
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

// Cells are at most 512 a side, the sheet about 16,000 (io/contact_sheet.h).
int64_t SheetPixels(const Job& job) {
  constexpr int64_t kCell = 512, kSheet = 16'000;
  const int64_t columns = static_cast<int64_t>(job.plan.blends.size());
  const int64_t width = std::min(kSheet, columns * std::min(kCell, job.size.width));
  const int64_t height = std::min(kSheet, job.plan.images() * std::min(kCell, job.size.height));
  return width * height;
}

std::string DescribeGpuMemory(const AnnealModel& model) {
  const AnnealMemory& memory = model.memory.memory;
  PlanRows rows = {{"base UNet", memory.base_unet},
                   {"fine-tuned UNets", memory.tuned_unets},
                   {"VAE decoder", memory.decoder},
                   {"text encoders", memory.text_encoders},
                   {"a batch's keys and values, and the libraries', about", memory.kept},
                   {"a call of the UNet, about", memory.call},
                   {"decoding, about", memory.decode}};
  for (const MemoryMode mode : {MemoryMode::kFast, MemoryMode::kBalanced, MemoryMode::kSmall}) {
    rows.emplace_back(absl::StrCat("together with --memory ", NameOf(mode), ", about",
                                   mode == model.memory.mode ? " (taken)" : ""),
                      memory.OnGpu(mode));
  }
  return PlanTable("memory", rows);
}

std::string DescribeHostMemory(const Job& job, const AnnealMemory& memory) {
  // Measured with glibc 2.36: each thread's heap keeps as much again in holes between the many
  // sizes of a UNet's tensors, and up to 32 MiB behind the decoder's; the rest is code.
  constexpr int64_t kMib = 1 << 20;
  const int64_t workspace =
      2 * memory.call + memory.decode + std::min(memory.decode * 3 / 10, 32 * kMib) + 10 * kMib;
  const int64_t sheet = 2 * 3 * SheetPixels(job);
  // Layers that a LoRA leaves alone are shared by both networks.
  const int64_t decoder = WeightBytes(job.model.vae), text = WeightBytes(job.model.text_encoders);
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
  const auto model = AnnealModel::Load(config, plan, device);
  if (!model.ok()) return model.status();
  const Job job{{config, plan, device, model->sdxl, model->schedule, model->size}};
  log << DescribeImages(job)
      << (device.is_cuda() ? DescribeGpuMemory(*model)
                           : DescribeHostMemory(job, model->memory.memory))
      << DescribeDisk(job);
  if (config.dry_run == "probe") return Probe(job, pair, log);
  log << "time    not known before a picture is drawn: --dry_run=probe\n";
  return absl::OkStatus();
}

}  // namespace draftp
