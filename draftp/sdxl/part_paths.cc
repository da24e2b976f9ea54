#include "draftp/sdxl/part_paths.h"

namespace draftp {
namespace {

ConfigTable<PartPaths> MakePartRows() {
  constexpr char kNoProgram[] = "";  // rows for tables that have one
  ConfigTable<PartPaths> table(kNoProgram, "");
  struct Part {
    std::string PartPaths::* path;
    const char *key, *value_name, *help;
  };
  for (const Part& part :
       {Part{&PartPaths::unet, "unet", "FILE|DIR", "UNet in place of the model's own"},
        Part{&PartPaths::vae, "vae", "FILE|DIR", "VAE in place of the model's own"},
        Part{&PartPaths::text_encoder, "text_encoder", "FILE|DIR",
             "first text encoder (CLIP-L) in place of the model's own"},
        Part{&PartPaths::text_encoder_2, "text_encoder_2", "FILE|DIR",
             "second text encoder (OpenCLIP bigG) in place of the model's own"},
        Part{&PartPaths::tokenizer, "tokenizer", "DIR",
             "first tokenizer in place of the model's own, or of CLIP's for a single file"},
        Part{&PartPaths::tokenizer_2, "tokenizer_2", "DIR",
             "second tokenizer in place of the model's own, or of CLIP's for a single file"}}) {
    table.Path(part.path, {.key = part.key, .value_name = part.value_name, .help = part.help});
  }
  return table;
}

}  // namespace

const ConfigTable<PartPaths>& PartRows() {
  static const auto* const rows = new ConfigTable<PartPaths>(MakePartRows());
  return *rows;
}

}  // namespace draftp
