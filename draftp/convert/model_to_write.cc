#include "draftp/convert/model_to_write.h"

#include <c10/core/ScalarType.h>

#include <memory>
#include <utility>

#include "draftp/checkpoint/file_mapping.h"
#include "draftp/convert/model_structure.h"
#include "draftp/sdxl/model_source.h"

namespace draftp {
namespace {

absl::StatusOr<PartToWrite> ReadPart(ModelSource& source, ModelPart part) {
  absl::StatusOr<PartSource> taken = source.Take(part);
  if (!taken.ok()) return taken.status();
  auto weights = std::make_shared<WeightMap>(std::move(taken->weights));
  absl::StatusOr<TensorsToWrite> tensors = AsStored(std::move(weights), std::nullopt);
  if (!tensors.ok()) return tensors.status();
  GiveBackMappedPages();  // of a file whose tensors aren't aligned, AsStored has read all
  return PartToWrite{part, taken->config.object(), ReturningPages(*tensors)};
}

}  // namespace

int64_t PartToWrite::Bytes() const {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) {
    int64_t elements = 1;
    for (const int64_t size : tensor.shape) elements *= size;
    bytes += elements * static_cast<int64_t>(c10::elementSize(tensor.dtype));
  }
  return bytes;
}

absl::StatusOr<ModelToWrite> ReadModel(const std::string& in, const PartPaths& parts) {
  absl::StatusOr<ModelSource> source = ModelSource::Open(in, parts);
  if (!source.ok()) return source.status();
  ModelToWrite model{.source = in,
                     .parts = {},
                     .scheduler = {},
                     .pipeline = {},
                     .tokenizers = {source->TokenizerTexts(/*second=*/false),
                                    source->TokenizerTexts(/*second=*/true)}};
  for (const ModelPart part : kModelParts) {
    absl::StatusOr<PartToWrite> read = ReadPart(*source, part);
    if (!read.ok()) return read.status();
    model.parts.push_back(*std::move(read));
  }
  if (absl::Status taken = TakePipeline(*source, model); !taken.ok()) return taken;
  return model;
}

absl::Status TakePipeline(const ModelSource& source, ModelToWrite& model) {
  const auto scheduler = source.SchedulerJson();
  if (!scheduler.ok()) return scheduler.status();
  model.scheduler = scheduler->object();
  const auto pipeline = source.Pipeline();
  if (!pipeline.ok()) return pipeline.status();
  model.pipeline = *pipeline;
  return absl::OkStatus();
}

TensorsToWrite ReturningPages(const TensorsToWrite& tensors, int64_t kept) {
  const auto made_bytes = std::make_shared<int64_t>(0);
  TensorsToWrite returning;
  for (const auto& [name, tensor] : tensors) {
    const auto make = [make = tensor.make, made_bytes, kept]() -> absl::StatusOr<at::Tensor> {
      if (*made_bytes >= kept) {
        GiveBackMappedPages();
        *made_bytes = 0;
      }
      absl::StatusOr<at::Tensor> made = make();
      if (made.ok()) *made_bytes += static_cast<int64_t>(made->nbytes());
      return made;
    };
    returning[name] = {tensor.dtype, tensor.shape, make};
  }
  return returning;
}

std::optional<at::ScalarType> DtypeNamed(const std::string& name) {
  if (name == "float32") return at::kFloat;
  if (name == "float16") return at::kHalf;
  if (name == "bfloat16") return at::kBFloat16;
  return std::nullopt;
}

TensorToWrite Cast(const TensorToWrite& tensor, at::ScalarType dtype) {
  if (tensor.dtype == dtype) return tensor;
  const auto make = [make = tensor.make, dtype]() -> absl::StatusOr<at::Tensor> {
    absl::StatusOr<at::Tensor> made = make();
    return made.ok() ? made->to(dtype) : made;
  };
  return {dtype, tensor.shape, make};
}

LayerShapes LayersOf(const ModelToWrite& model) {
  constexpr std::string_view kWeight = ".weight", kEmbeddings = "text_model.embeddings.";
  LayerShapes layers;
  for (size_t i = 0; i < layers.size(); ++i) {
    for (const auto& [name, tensor] : model.of(ModelPartOf(static_cast<AdapterPart>(i))).tensors) {
      if (name.ends_with(kWeight) && !name.starts_with(kEmbeddings))
        layers.at(i)[name.substr(0, name.size() - kWeight.size())] = tensor.shape;
    }
  }
  return layers;
}

AdapterPaths PathsOf(const LayerShapes& layers) {
  AdapterPaths paths;
  for (size_t i = 0; i < layers.size(); ++i) {
    for (const auto& [path, shape] : layers.at(i)) paths.at(i).push_back(path);
  }
  return paths;
}

ModelPart ModelPartOf(AdapterPart part) {
  switch (part) {
    case AdapterPart::kUNet:
      return ModelPart::kUNet;
    case AdapterPart::kTextEncoder:
      return ModelPart::kTextEncoder;
    default:
      return ModelPart::kTextEncoder2;
  }
}

}  // namespace draftp
