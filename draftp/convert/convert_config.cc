#include "draftp/convert/convert_config.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <filesystem>
#include <system_error>

#include "draftp/config/config_path.h"
#include "draftp/config/config_row.h"
#include "draftp/convert/merged_adapters.h"
#include "draftp/convert/model_structure.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using C = ConvertConfig;

// Beside another layout.
void AddOtherWork(ConfigTable<C>& table) {
  table.Group("Adapters")
      .Path(&C::base, {.key = "base",
                       .value_name = "FILE|DIR",
                       .help = "the model whose layers the adapter of --in is for",
                       .default_text = "SDXL base's layers"})
      .NoEffect([](const C& c) { return c.writes_lora() || c.verify ? "" : "--in is no adapter"; });
  table
      .Choice(&C::dora_norm,
              {{kDoraNormChanged, {"lycoris", "peft"}}, {kDoraNormBase, {"comfyui"}}},
              {.key = "dora_norm",
               .value_name = "changed|base",
               .help = "of --merge_lora and --verify: by which norm a DoRA's rows are divided, "
                       "that of the changed weight (the paper, peft, LyCORIS) or of the base's "
                       "(ComfyUI)"})
      .NoEffect([](const C& c) {
        const bool computes = !c.merge_lora.empty() || (c.verify && c.out.empty());
        return computes ? "" : "no change of a layer is computed";
      });
  table
      .Path(&C::extract,
            {.key = "extract",
             .value_name = "FILE|DIR",
             .help = "the base model: a LoRA of --in minus it is written, by lora_kohya where "
                     "--out ends in .safetensors, else by lora_diffusers; float32 where --dtype "
                     "is keep",
             .common = true})
      .Integer(&C::rank, 1, 4096, {.key = "rank", .help = "of the LoRA of --extract"})
      .NoEffect([](const C& c) { return c.extract.empty() ? "there is no --extract" : ""; });
  table.Group("Random weights")
      .Text(&C::init_random,
            {.key = "init_random",
             .value_name = "sdxl_base_1.0|DIR",
             .help = "in place of --in: random weights, in the published structure or in that of "
                     "a folder's configs; float16 where --dtype is keep"})
      .Seed(&C::seed, {.key = "seed", .help = "of --init_random"})
      .NoEffect(
          [](const C& c) { return c.init_random.empty() ? "there is no --init_random" : ""; });
}

void AddConversion(ConfigTable<C>& table) {
  table.Group("Conversion")
      .Path(&C::in, {.key = "in",
                     .value_name = "FILE|DIR",
                     .help = "the model: a single file, or a folder with model_index.json",
                     .common = true})
      .Path(&C::out, {.key = "out",
                      .value_name = "FILE|DIR",
                      .help = "where to write; it mustn't exist",
                      .common = true})
      .Choice(&C::format,
              {{"auto", {}},
               {"hf", {"diffusers"}},
               {"single_file", {"sgm"}},
               {"lora_diffusers", {}},
               {"lora_kohya", {}}},
              {.key = "format",
               .value_name = "auto|hf|single_file|lora_diffusers|lora_kohya",
               .help = "layout of --out; auto: single_file where it ends in .safetensors, else hf; "
                       "lora_...: --in is an adapter",
               .common = true})
      .Choice(&C::dtype,
              {{"keep", {}},
               {"float32", {"fp32"}},
               {"float16", {"fp16", "half"}},
               {"bfloat16", {"bf16"}}},
              {.key = "dtype",
               .value_name = "keep|float32|float16|bfloat16",
               .help = "of the tensors; fp8 with scales is multiplied out, to float32 where kept",
               .common = true})
      .PathList(&C::merge_lora,
                {.key = "merge_lora",
                 .value_name = "FILE[:SCALE]",
                 .help = "adapters of any kind to work into the weights, one after the other",
                 .common = true})
      .Switch(&C::verify,
              {.key = "verify",
               .help = "read what was written back; without --out, check --in, a model or an "
                       "adapter, and print what an adapter adds to each layer",
               .common = true});
}

ConfigTable<C> MakeTable() {
  ConfigTable<C> table(
      "convert",
      "Writes an SDXL in another layout: diffusers' folder, or the single file that "
      "ComfyUI, A1111 and kohya's scripts read; works adapters into it and out of it, and writes "
      "adapters in another grammar. Every tensor keeps its value, and its bits unless --dtype says "
      "otherwise.");
  AddConversion(table);
  AddOtherWork(table);
  table.Group("Parts").Append(&C::parts, PartRows());
  table.Example("convert --in sd_xl_base_1.0.safetensors --out sdxl", "a folder for diffusers")
      .Example("convert --in sdxl --out sdxl.safetensors --dtype float16",
               "a file for ComfyUI, A1111 and Forge")
      .Example("convert --in sdxl --merge_lora style.safetensors:0.8 --out merged.safetensors",
               "a LoRA at 0.8 in the weights")
      .Example(
          "convert --in pytorch_lora_weights.safetensors --format lora_kohya --out "
          "style.safetensors",
          "a LoRA for ComfyUI, A1111 and Forge")
      .Example("convert --in tuned.safetensors --extract sdxl --rank 64 --out lora.safetensors",
               "what a fine-tuned model has learned as a LoRA")
      .Example("convert --in sdxl --unet run --out mine.safetensors",
               "the UNet of a full fine-tuning run in one file with the rest of its model");
  return table;
}

absl::Status Beside(const std::string& flag, const std::string& other) {
  return InvalidFlag(flag, "it beside " + other, "one of them");
}

absl::Status CheckInput(const C& config) {
  if (config.init_random.empty()) {
    return config.in.empty() ? InvalidFlag("in", "none", "a single file or a folder")
                             : absl::OkStatus();
  }
  if (!config.in.empty()) return Beside("in", "--init_random");
  if (config.parts != PartPaths()) return Beside("init_random", "the path of a part");
  std::error_code error;
  if (config.init_random == kSdxlBase || std::filesystem::is_directory(config.init_random, error))
    return absl::OkStatus();
  return InvalidFlag("init_random", Printable(config.init_random, 4096),
                     absl::StrCat(kSdxlBase, " or a folder of configs"));
}

// What writes an adapter.
absl::Status CheckLora(const C& config) {
  const bool extracts = !config.extract.empty();
  if (extracts && config.format != "auto" && !config.writes_lora())
    return InvalidFlag("format", config.format + " beside --extract", "a LoRA's layout");
  if (!extracts && !config.writes_lora()) return absl::OkStatus();
  const std::string what = extracts ? "--extract" : "--format " + config.format;
  if (!config.merge_lora.empty()) return Beside("merge_lora", what);
  if (!config.init_random.empty()) return Beside("init_random", what);
  if (!extracts && config.parts != PartPaths())
    return InvalidFlag("format", config.format + " beside the path of a part",
                       "an adapter as --in alone");
  return absl::OkStatus();
}

absl::Status CheckMerge(const C& config) {
  for (const std::string& text : config.merge_lora) {
    if (const auto adapter = ParseScaledAdapter(text); !adapter.ok()) return adapter.status();
  }
  return absl::OkStatus();
}

absl::Status CheckOut(const C& config) {
  const bool works = !config.init_random.empty() || !config.extract.empty() ||
                     !config.merge_lora.empty() || config.format != "auto";
  if (config.out.empty() && config.verify && !works) return absl::OkStatus();
  if (config.out.empty()) return InvalidFlag("out", "none", "where to write");
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(config.out, error)))
    return InvalidFlag("out", Printable(config.out, 4096) + ", which is there", "a new name");
  return absl::OkStatus();
}

absl::Status Validate(const C& config) {
  for (const auto& check : {+[](const C& c) { return ConvertTable().Check(c); }, +CheckInput,
                            +CheckLora, +CheckMerge, +CheckOut}) {
    if (absl::Status status = check(config); !status.ok()) return status;
  }
  return absl::OkStatus();
}

std::string FormatOf(const C& config) {
  const bool file = absl::EndsWith(config.out, ".safetensors");
  if (!config.extract.empty()) return file ? "lora_kohya" : "lora_diffusers";
  return file ? "single_file" : "hf";
}

}  // namespace

const ConfigTable<ConvertConfig>& ConvertTable() {
  static const auto* const table = new ConfigTable<C>(MakeTable());
  return *table;
}

absl::StatusOr<LoadedConfig<ConvertConfig>> LoadConvertConfig(
    const std::vector<std::string>& arguments, const std::string& user_folder) {
  auto loaded = LoadConfig(ConvertTable(), arguments, user_folder);
  if (!loaded.ok() || loaded->help) return loaded;
  C& config = loaded->config;
  if (!config.init_random.empty() && config.init_random != kSdxlBase)
    config.init_random = AbsolutePath(config.init_random, user_folder);
  if (absl::Status status = Validate(config); !status.ok())
    return WithConfigFile(status, *loaded, loaded->config_file);
  if (config.format == "auto") config.format = FormatOf(config);
  return loaded;
}

}  // namespace draftp
