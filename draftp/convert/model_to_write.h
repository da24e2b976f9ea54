// An SDXL on its way to a file: configs, texts, and tensors that are made when they are written.
#ifndef DRAFTP_CONVERT_MODEL_TO_WRITE_H_
#define DRAFTP_CONVERT_MODEL_TO_WRITE_H_

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "draftp/adapter/adapter_keys.h"
#include "draftp/checkpoint/layout.h"
#include "draftp/checkpoint/single_file_writer.h"
#include "draftp/model/pipeline_config.h"
#include "draftp/sdxl/model_source.h"
#include "draftp/sdxl/part_paths.h"

namespace draftp {

// One part: its config as config.json has it, and its tensors by today's names.
struct PartToWrite {
  ModelPart part;
  nlohmann::json config;
  TensorsToWrite tensors;

  int64_t Bytes() const;
};

using FileTexts = std::map<std::string, std::string>;  // by file name

struct ModelToWrite {
  std::string source;              // for messages
  std::vector<PartToWrite> parts;  // UNet, VAE, text encoder, second text encoder
  nlohmann::json scheduler;        // as scheduler_config.json
  PipelineConfig pipeline;
  // CLIP-L's and bigG's. An error counts where they are written: a single file of CLIP's own
  // vocabulary needs none.
  std::array<absl::StatusOr<FileTexts>, 2> tokenizers;

  const PartToWrite& of(ModelPart part) const { return parts.at(static_cast<size_t>(part)); }
};

// The model at `in` with `parts` in place of its own, every tensor as it is stored. Headers and
// configs are read, no tensor's data.
absl::StatusOr<ModelToWrite> ReadModel(const std::string& in, const PartPaths& parts = {});

// What `source` says of scheduler and pipeline.
absl::Status TakePipeline(const ModelSource& source, ModelToWrite& model);

// The same tensors, of which the mapped pages go back to the system when about `kept` bytes have
// been made: memory stays that of a few tensors, however large the file.
TensorsToWrite ReturningPages(const TensorsToWrite& tensors, int64_t kept = 64 << 20);

// "float32", "float16" or "bfloat16"; none for "keep".
std::optional<at::ScalarType> DtypeNamed(const std::string& name);

// The tensor converted to `dtype` when it is made.
TensorToWrite Cast(const TensorToWrite& tensor, at::ScalarType dtype);

// Of each part that adapters change, the shape of each layer's weight by the layer's path: linear
// layers, convolutions and norms, without embeddings.
using LayerShapes = std::array<std::map<std::string, std::vector<int64_t>>, kAdapterParts>;

LayerShapes LayersOf(const ModelToWrite& model);
AdapterPaths PathsOf(const LayerShapes& layers);

// The part of a model that `part` of an adapter changes.
ModelPart ModelPartOf(AdapterPart part);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_MODEL_TO_WRITE_H_
