// Where an SDXL's parts come from: a folder in diffusers' layout or a single file, and what stands
// in for single parts.
#ifndef DRAFTP_SDXL_MODEL_SOURCE_H_
#define DRAFTP_SDXL_MODEL_SOURCE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "draftp/checkpoint/layout.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/io/json_file.h"
#include "draftp/model/pipeline_config.h"
#include "draftp/model/scheduler_config.h"
#include "draftp/run/input_hashes.h"
#include "draftp/sdxl/part_paths.h"
#include "draftp/text/clip_tokenizer.h"
#include "draftp/text/tokenizer_files.h"

namespace draftp {

// One part, opened: its config as config.json has it, and its tensors by today's names.
struct PartSource {
  std::string where;  // file or folder, for messages
  JsonReader config;
  WeightMap weights;
};

class ModelSource {
 public:
  // "__metadata__" of files that draftp's convert wrote: JSON, by tokenizer and tokenizer_2 the
  // texts of a tokenizer's files by name.
  static constexpr char kTokenizerKey[] = "draftp.tokenizer";
  static constexpr int64_t kClipVocabulary = 49408;  // entries of CLIP's own

  // `model`: a folder with model_index.json, or a file in the single-file layout. A file of
  // something else is an error of one line that says what it is.
  static absl::StatusOr<ModelSource> Open(const std::string& model, const PartPaths& parts = {});

  absl::StatusOr<PipelineConfig> Pipeline() const;
  absl::StatusOr<SchedulerConfig> Scheduler() const;
  absl::StatusOr<JsonReader> SchedulerJson() const;  // as scheduler_config.json
  // CLIP-L's, or bigG's (`second`): of the model's folder or the file's metadata; a file without
  // has CLIP's own vocabulary, which an encoder of another one can't have.
  absl::StatusOr<ClipTokenizer> Tokenizer(bool second) const;
  // Its files' texts by name, as they lie in a folder.
  absl::StatusOr<std::map<std::string, std::string>> TokenizerTexts(bool second) const;
  // Of kUNet, kVae, kTextEncoder, kTextEncoder2, each once; the tokenizers are asked for before.
  absl::StatusOr<PartSource> Take(ModelPart part);

 private:
  ModelSource() = default;
  const std::string& Override(ModelPart part) const;
  absl::StatusOr<TokenizerFiles> FilesOfTokenizer(bool second) const;

  std::string model_;
  PartPaths parts_;
  std::unique_ptr<WeightMap> file_;  // metadata and what no part has; null of a folder
  std::map<ModelPart, LayoutPart> in_file_;
  std::vector<std::string> parts_in_file_;  // as messages call them
};

// One part from the path that stands in for it.
absl::StatusOr<PartSource> OpenPart(ModelPart part, const std::string& path);

// What is there of a model's files, for hashes.
std::vector<InputFile> ModelFiles(const std::string& model, const PartPaths& parts = {});

}  // namespace draftp

#endif  // DRAFTP_SDXL_MODEL_SOURCE_H_
