#include "draftp/checkpoint/clip_sizes.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "draftp/checkpoint/shape_reader.h"

namespace draftp {

absl::StatusOr<nlohmann::json> ClipTextSizes(const WeightMap& weights) {
  ShapeReader shapes(weights);
  const auto tokens = shapes.Of("text_model.embeddings.token_embedding.weight", 2);
  const auto inner = shapes.Of("text_model.encoder.layers.0.mlp.fc1.weight", 2);
  const auto positions = shapes.Of("text_model.embeddings.position_embedding.weight", 2);
  if (!shapes.status().ok()) return shapes.status();
  return nlohmann::json{
      {"vocab_size", tokens[0]},
      {"hidden_size", tokens[1]},
      {"intermediate_size", inner[0]},
      {"num_hidden_layers", shapes.Count("text_model.encoder.layers.", ".layer_norm1.weight")},
      {"max_position_embeddings", positions[0]}};
}

absl::StatusOr<nlohmann::json> ClipImageSizes(const WeightMap& weights) {
  constexpr char kPatches[] = "vision_model.embeddings.patch_embedding.weight";
  constexpr char kPositions[] = "vision_model.embeddings.position_embedding.weight";
  ShapeReader shapes(weights);
  const auto patches = shapes.Of(kPatches, 4);
  if (shapes.status().ok() && (patches[1] != 3 || patches[2] != patches[3]))
    shapes.Fail(kPatches, "[width,3,patch,patch]");
  const int64_t places = shapes.Of(kPositions, 2)[0];
  const auto grid = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(places - 1))));
  if (grid < 1 || grid * grid + 1 != places) shapes.Fail(kPositions, "1 + n*n rows");
  const auto inner = shapes.Of("vision_model.encoder.layers.0.mlp.fc1.weight", 2);
  const auto projection = shapes.Of("visual_projection.weight", 2);
  if (!shapes.status().ok()) return shapes.status();
  return nlohmann::json{
      {"image_size", grid * patches[2]},
      {"patch_size", patches[2]},
      {"hidden_size", patches[0]},
      {"intermediate_size", inner[0]},
      {"num_hidden_layers", shapes.Count("vision_model.encoder.layers.", ".layer_norm1.weight")},
      {"projection_dim", projection[0]}};
}

}  // namespace draftp
