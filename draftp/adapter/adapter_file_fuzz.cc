// Any keys, shapes and metadata as an adapter of a model: an error of one line, or changes of the
// model's layers, of which each makes a weight of its layer's shape or says in one line why it
// can't. The inputs are those of fuzz_adapter_file.h; the model is made up, with a layer of each
// kind.
#include <ATen/ops/ones.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/adapter/adapter_file.h"
#include "draftp/adapter/fuzz_adapter_file.h"
#include "draftp/testing/fuzz.h"

namespace draftp {
namespace {

using Shapes = std::map<std::string, std::vector<int64_t>>;

const std::array<Shapes, kAdapterParts>& Layers() {
  static const auto* const layers = new std::array<Shapes, kAdapterParts>{
      {{{"conv_in", {4, 2, 3, 3}},
        {"down_blocks.0.resnets.0.conv1", {4, 4, 3, 3}},
        {"down_blocks.0.downsamplers.0.conv", {4, 4, 3, 3}},
        {"down_blocks.1.attentions.0.proj_in", {6, 4}},
        {"down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", {6, 6}},
        {"down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k", {6, 8}},
        {"down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0", {6, 6}},
        {"mid_block.resnets.0.conv_shortcut", {6, 4, 1, 1}},
        {"up_blocks.0.upsamplers.0.conv", {6, 6, 3, 3}},
        {"conv_norm_out", {4}}},
       {{"text_model.encoder.layers.0.self_attn.q_proj", {4, 4}},
        {"text_model.encoder.layers.0.mlp.fc1", {8, 4}}},
       {{"text_model.encoder.layers.0.self_attn.out_proj", {6, 6}}, {"text_projection", {6, 6}}}}};
  return *layers;
}

const AdapterKeys& Keys() {
  static const auto* const keys = [] {
    AdapterPaths paths;
    for (size_t part = 0; part < paths.size(); ++part) {
      for (const auto& [path, shape] : Layers().at(part)) paths.at(part).push_back(path);
    }
    return new AdapterKeys(paths);
  }();
  return *keys;
}

void RequireResult(const absl::StatusOr<at::Tensor>& result, at::IntArrayRef shape) {
  if (result.ok()) {
    testing::FuzzRequire(result->sizes() == shape, "a change has its layer's shape");
    return;
  }
  const std::string message(result.status().message());
  testing::FuzzRequire(!message.empty() && message.find('\n') == std::string::npos,
                       "an error is one line");
}

void Try(std::string_view text) {
  const std::string& path = testing::AdapterFileOf(text);
  for (const DoraNorm norm : {DoraNorm::kChanged, DoraNorm::kBase}) {
    const auto adapter = ReadAdapterFile(path, Keys(), norm);
    if (!adapter.ok()) {
      testing::FuzzRequireMessage(adapter.status().message(), path);
      return;
    }
    for (size_t part = 0; part < adapter->parts.size(); ++part) {
      for (const auto& [layer, change] : adapter->parts.at(part)) {
        testing::FuzzRequire(Layers().at(part).contains(layer), "a layer is the model's");
        testing::FuzzRequire(std::isfinite(change.scale), "scales are finite");
        const at::Tensor weight = at::ones(Layers().at(part).at(layer));
        RequireResult(ChangedWeight(change, weight, 0.5), weight.sizes());
        if (change.Has(AdapterRole::kDiffOfBias))
          RequireResult(ChangedBias(change, {}, weight), {weight.size(0)});
      }
    }
  }
}

}  // namespace
}  // namespace draftp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  draftp::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}
