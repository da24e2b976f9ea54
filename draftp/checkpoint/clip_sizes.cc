#include "draftp/checkpoint/clip_sizes.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/checkpoint/safetensors_header.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr int64_t kMostSize = 1 << 20;  // products of sizes stay far from overflow

// Reads sizes off the shapes; the first error is kept.
class Shapes {
 public:
  explicit Shapes(const WeightMap& weights) : weights_(weights) {}

  // The shape, of `dimensions` sizes from 1 to kMostSize; ones after an error.
  std::vector<int64_t> Of(const std::string& name, size_t dimensions) {
    std::vector<int64_t> ones(dimensions, 1);
    if (!status_.ok()) return ones;
    const absl::StatusOr<std::vector<int64_t>> shape = weights_.Shape(name);
    if (!shape.ok()) {
      status_ = shape.status();
      return ones;
    }
    bool valid = shape->size() == dimensions;
    for (const int64_t size : *shape) valid = valid && size >= 1 && size <= kMostSize;
    if (valid) return *shape;
    Fail(name, absl::StrCat("a tensor of ", dimensions, " dimensions, each 1 to ", kMostSize));
    return ones;
  }

  // Layers in a row from 0.
  int64_t Layers(const std::string& tower) const {
    int64_t count = 0;
    while (weights_.Contains(absl::StrCat(tower, ".encoder.layers.", count, ".layer_norm1.weight")))
      ++count;
    return count;
  }

  void Fail(const std::string& name, const std::string& expected) {
    if (!status_.ok()) return;
    const auto shape = weights_.Shape(name);
    status_ = absl::InvalidArgumentError(
        absl::StrCat(Printable(weights_.sources().front(), 4096), ": tensor ",
                     Quoted(weights_.NameInFile(name)), ": found shape ",
                     shape.ok() ? ShapeText(*shape) : "of another kind", ", expected ", expected));
  }

  const absl::Status& status() const { return status_; }

 private:
  const WeightMap& weights_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<nlohmann::json> ClipTextSizes(const WeightMap& weights) {
  Shapes shapes(weights);
  const auto tokens = shapes.Of("text_model.embeddings.token_embedding.weight", 2);
  const auto inner = shapes.Of("text_model.encoder.layers.0.mlp.fc1.weight", 2);
  const auto positions = shapes.Of("text_model.embeddings.position_embedding.weight", 2);
  if (!shapes.status().ok()) return shapes.status();
  return nlohmann::json{{"vocab_size", tokens[0]},
                        {"hidden_size", tokens[1]},
                        {"intermediate_size", inner[0]},
                        {"num_hidden_layers", shapes.Layers("text_model")},
                        {"max_position_embeddings", positions[0]}};
}

absl::StatusOr<nlohmann::json> ClipImageSizes(const WeightMap& weights) {
  constexpr char kPatches[] = "vision_model.embeddings.patch_embedding.weight";
  constexpr char kPositions[] = "vision_model.embeddings.position_embedding.weight";
  Shapes shapes(weights);
  const auto patches = shapes.Of(kPatches, 4);
  if (shapes.status().ok() && (patches[1] != 3 || patches[2] != patches[3]))
    shapes.Fail(kPatches, "[width,3,patch,patch]");
  const int64_t places = shapes.Of(kPositions, 2)[0];
  const auto grid = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(places - 1))));
  if (grid < 1 || grid * grid + 1 != places) shapes.Fail(kPositions, "1 + n*n rows");
  const auto inner = shapes.Of("vision_model.encoder.layers.0.mlp.fc1.weight", 2);
  const auto projection = shapes.Of("visual_projection.weight", 2);
  if (!shapes.status().ok()) return shapes.status();
  return nlohmann::json{{"image_size", grid * patches[2]},
                        {"patch_size", patches[2]},
                        {"hidden_size", patches[0]},
                        {"intermediate_size", inner[0]},
                        {"num_hidden_layers", shapes.Layers("vision_model")},
                        {"projection_dim", projection[0]}};
}

}  // namespace draftp
