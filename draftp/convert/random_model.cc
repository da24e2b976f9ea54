#include "draftp/convert/random_model.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <absl/strings/str_cat.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "draftp/convert/model_structure.h"
#include "draftp/io/file_hash.h"
#include "draftp/run/embedded.h"
#include "draftp/sdxl/model_source.h"

namespace draftp {
namespace {

// Of the tensor `name`, which nothing else shares.
at::Generator GeneratorOf(uint64_t seed, const std::string& name) {
  const std::string hash = Sha256OfText(absl::StrCat(seed, "/", name));
  uint64_t own = 0;
  std::from_chars(hash.data(), hash.data() + 16, own, 16);
  return at::make_generator<at::CPUGeneratorImpl>(own);
}

int64_t Elements(const std::vector<int64_t>& shape) {
  int64_t elements = 1;
  for (const int64_t size : shape) elements *= size;
  return elements;
}

class TensorMaker {
 public:
  TensorMaker(ModelPart part, uint64_t seed, const TensorShapes& shapes)
      : folder_(PartFolder(part)), seed_(seed), shapes_(shapes) {}

  TensorToWrite Make(const std::string& name) const {
    const std::vector<int64_t>& shape = shapes_.at(name);
    if (name.starts_with("text_model.embeddings.")) return Normal(name, shape, 0.02);
    const size_t dot = name.rfind('.');
    const std::vector<int64_t>& weight = shapes_.at(name.substr(0, dot) + ".weight");
    if (weight.size() == 1) return Constant(shape, name.ends_with(".weight") ? 1 : 0);
    const auto inputs = static_cast<double>(Elements(weight) / weight[0]);
    return Uniform(name, shape, 1 / std::sqrt(inputs));
  }

 private:
  static TensorToWrite Constant(const std::vector<int64_t>& shape, double value) {
    return {at::kFloat, shape, [shape, value] { return at::full(shape, value, at::kFloat); }};
  }
  TensorToWrite Uniform(const std::string& name, const std::vector<int64_t>& shape,
                        double bound) const {
    return {at::kFloat, shape, [shape, bound, seed = seed_, key = Key(name)] {
              const at::NoGradGuard no_grad;
              return at::empty(shape, at::kFloat).uniform_(-bound, bound, GeneratorOf(seed, key));
            }};
  }
  TensorToWrite Normal(const std::string& name, const std::vector<int64_t>& shape,
                       double deviation) const {
    return {at::kFloat, shape, [shape, deviation, seed = seed_, key = Key(name)] {
              const at::NoGradGuard no_grad;
              return at::empty(shape, at::kFloat).normal_(0, deviation, GeneratorOf(seed, key));
            }};
  }
  std::string Key(const std::string& name) const { return absl::StrCat(folder_, "/", name); }

  std::string folder_;
  uint64_t seed_;
  const TensorShapes& shapes_;
};

absl::StatusOr<PartToWrite> RandomPart(ModelPart part, const JsonReader& config, uint64_t seed) {
  const auto shapes = ShapesOf(part, config);
  if (!shapes.ok()) return shapes.status();
  PartToWrite random{part, config.object(), {}};
  const TensorMaker maker(part, seed, *shapes);
  for (const auto& [name, shape] : *shapes) random.tensors[name] = maker.Make(name);
  return random;
}

absl::StatusOr<JsonReader> ConfigIn(const std::string& structure, ModelPart part) {
  const std::string name = PartFolder(part);
  if (structure == kSdxlBase) return JsonReader(structure + "/" + name, SdxlBaseConfigs().at(name));
  return JsonReader::Open(absl::StrCat(structure, "/", name, "/config.json"));
}

void TakeTokenizers(const absl::StatusOr<ModelSource>& source, ModelToWrite& model) {
  for (const bool second : {false, true}) {
    if (source.ok()) {
      model.tokenizers.at(second ? 1 : 0) = source->TokenizerTexts(second);
    } else {
      model.tokenizers.at(second ? 1 : 0) = source.status();
    }
  }
}

// What stands beside the parts.
absl::Status TakeRest(const std::string& structure, ModelToWrite& model) {
  if (structure == kSdxlBase) {
    const auto clip = ClipVocabularyDir();
    if (clip.ok()) {
      TakeTokenizers(ModelSource::Open(*clip), model);
    } else {
      TakeTokenizers(clip.status(), model);
    }
    model.scheduler = SdxlBaseConfigs().at("scheduler");
    model.pipeline = {.force_zeros_for_empty_prompt = true};
    return absl::OkStatus();
  }
  const auto source = ModelSource::Open(structure);
  if (!source.ok()) return source.status();
  TakeTokenizers(source, model);
  return TakePipeline(*source, model);
}

}  // namespace

absl::StatusOr<ModelToWrite> RandomModel(const std::string& structure, uint64_t seed) {
  ModelToWrite model{.source = structure,
                     .parts = {},
                     .scheduler = {},
                     .pipeline = {},
                     .tokenizers = {FileTexts(), FileTexts()}};
  for (const ModelPart part : kModelParts) {
    const auto config = ConfigIn(structure, part);
    if (!config.ok()) return config.status();
    absl::StatusOr<PartToWrite> random = RandomPart(part, *config, seed);
    if (!random.ok()) return random.status();
    model.parts.push_back(*std::move(random));
  }
  if (absl::Status s = TakeRest(structure, model); !s.ok()) return s;
  return model;
}

}  // namespace draftp
