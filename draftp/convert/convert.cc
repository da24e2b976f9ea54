#include "draftp/convert/convert.h"

#include <optional>
#include <vector>

#include "draftp/convert/adapter_conversion.h"
#include "draftp/convert/byte_progress.h"
#include "draftp/convert/lora_extraction.h"
#include "draftp/convert/merged_adapters.h"
#include "draftp/convert/model_to_write.h"
#include "draftp/convert/model_writer.h"
#include "draftp/convert/random_model.h"
#include "draftp/convert/verified_output.h"
#include "draftp/convert/verify.h"
#include "draftp/io/format_bytes.h"
#include "draftp/io/printable.h"
#include "draftp/run/exit_code.h"

namespace draftp {
namespace {

// Each tensor shows in `progress` when it is made; the sum of their bytes.
int64_t Watch(ModelToWrite& model, ByteProgress& progress) {
  int64_t bytes = 0;
  for (PartToWrite& part : model.parts) {
    part.tensors = Watched(part.tensors, progress);
    bytes += part.Bytes();
  }
  return bytes;
}

absl::Status ConvertModel(const ConvertConfig& config, std::ostream& out, ByteProgress& progress) {
  const bool random = !config.init_random.empty();
  absl::StatusOr<ModelToWrite> model =
      random ? RandomModel(config.init_random, config.seed) : ReadModel(config.in, config.parts);
  if (!model.ok()) return model.status();
  std::optional<at::ScalarType> dtype = DtypeNamed(config.dtype);
  if (random && !dtype) dtype = at::kHalf;
  std::vector<ScaledAdapter> adapters;
  for (const std::string& text : config.merge_lora) {
    const auto adapter = ParseScaledAdapter(text, DoraNormNamed(config.dora_norm));
    if (!adapter.ok()) return adapter.status();
    adapters.push_back(*adapter);
  }
  if (absl::Status s = MergeAdapters(adapters, dtype, *model, out); !s.ok()) return s;
  for (const PartToWrite& part : model->parts) {
    out << PartFolder(part.part) << ": " << part.tensors.size() << " tensors, "
        << FormatBytes(part.Bytes()) << '\n';
  }
  const int64_t bytes = Watch(*model, progress);
  const auto write = [&](const std::string& path) {
    progress.Begin("writing", bytes);
    absl::Status written =
        config.format == "hf" ? WriteModelFolder(path, *model) : WriteSingleFile(path, *model);
    if (written.ok()) progress.Finish();
    return written;
  };
  if (!config.verify) return write(config.out);
  return WriteThenVerify(config.out, write, [&](const std::string& path) {
    progress.Begin("verifying", bytes);
    return VerifyWrittenModel(path, *model, out);
  });
}

absl::Status VerifyAlone(const ConvertConfig& config, std::ostream& out) {
  if (IsAdapter(config.in)) return VerifyAdapter(config, out);
  return VerifyModel(config.in, config.parts, out);
}

}  // namespace

absl::Status RunConvert(const ConvertConfig& config, std::ostream& out, LiveLine* line) {
  ByteProgress progress(line);
  if (config.out.empty()) return AsFailure(VerifyAlone(config, out));
  const absl::Status done = !config.extract.empty() ? RunExtraction(config, out, progress)
                            : config.writes_lora()  ? ConvertAdapter(config, out)
                                                    : ConvertModel(config, out, progress);
  if (!done.ok()) return AsFailure(done);
  out << "written: " << Printable(config.out, 4096) << '\n';
  return absl::OkStatus();
}

}  // namespace draftp
