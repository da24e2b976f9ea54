#include "draftp/anneal/anneal_prompt_rows.h"

#include <algorithm>
#include <string>

#include "draftp/config/config_row.h"
#include "draftp/config/config_schema.h"
#include "draftp/sampling/parse_blending.h"

namespace draftp {
namespace {

// Whether a weight type has a guidance scale of its own.
bool GuidesItself(const AnnealConfig& config) {
  return std::ranges::any_of(config.weight_type, [](const std::string& type) {
    const auto blending = ParseBlending(type);
    return blending.ok() && blending->guides_itself();
  });
}

}  // namespace

void AddPromptRows(ConfigTable<AnnealConfig>& table) {
  table
      .TextList(
          &AnnealConfig::prompt,
          {.key = "prompt",
           .original_keys = {"prompt"},
           .value_name = "TEXT",
           .help = "a prompt, in the place of a file, which may be empty; typed again, one more",
           .elsewhere = {"p", "text", "caption"},
           .common = true,
           .allow_empty = true})
      .PathList(&AnnealConfig::prompts,
                {.key = "prompts",
                 .value_name = "FILE|GLOB[,...]",
                 .help = "prompts: .txt (a line each), .jsonl, .json, .csv, .tsv or .tar, as train "
                         "takes them; globs and folders of such files; - is the standard input, "
                         "and <(command) a command's",
                 .default_text = "8 of the embedded model, without --model",
                 .elsewhere = {"prompt_file", "from_file", "prompts_file"},
                 .common = true})
      .NoEffect([](const AnnealConfig& c) {
        return c.prompt.empty() ? "" : "--prompt takes the place of a file";
      })
      .Integer(&AnnealConfig::max_prompts, 0, 1'000'000'000,
               {.key = "max_prompts",
                .value_name = "N",
                .unit = "prompts",
                .help = "only the first N of the files; 0 means all",
                .common = true})
      .NoEffect([](const AnnealConfig& c) {
        return c.prompt.empty() ? "" : "--prompt takes the place of a file";
      })
      .Text(&AnnealConfig::negative_prompt,
            {.key = "negative_prompt",
             .value_name = "TEXT",
             .help = "what to steer away from; empty means SDXL's zero embedding",
             .default_text = "",
             .elsewhere = {"negative", "neg_prompt"},
             .common = true,
             .allow_empty = true})
      .NoEffect([](const AnnealConfig& c) {
        return c.sampling.guided() || GuidesItself(c) ? ""
                                                      : "--guidance_scale 0 and 1 are no guidance";
      });
}

}  // namespace draftp
