#include "draftp/convert/adapter_conversion.h"

#include <absl/strings/match.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "draftp/adapter/adapter_source.h"
#include "draftp/adapter/kohya_writer.h"
#include "draftp/adapter/lora_writer.h"
#include "draftp/convert/merged_adapters.h"
#include "draftp/convert/model_structure.h"
#include "draftp/convert/random_model.h"
#include "draftp/convert/verified_output.h"
#include "draftp/convert/verify.h"
#include "draftp/io/atomic_folder.h"
#include "draftp/io/last_name.h"
#include "draftp/io/printable.h"
#include "draftp/sdxl/model_spec.h"

namespace draftp {
namespace {

using Metadata = std::map<std::string, std::string>;

constexpr char kKohya[] = "lora_kohya";

bool IsSdxl(const LayerShapes& layers) {
  return std::ranges::any_of(layers.at(0), [](const auto& layer) {
    const auto& [path, shape] = layer;
    return path.ends_with(".attn2.to_k") && IsSdxlContext(shape.back());
  });
}

// What the other grammar, and other bytes, leave true.
absl::StatusOr<Metadata> KeptMetadata(const std::string& path) {
  const auto source = FindAdapter(path);
  if (!source.ok()) return source.status();
  const auto weights = WeightMap::Open(source->weights);
  if (!weights.ok()) return weights.status();
  Metadata kept = weights->metadata();
  std::erase_if(kept, [](const auto& item) {
    const std::string& key = item.first;
    return key == "format" || key == "lora_adapter_metadata" || key == "modelspec.hash_sha256" ||
           key.starts_with("sshs_") || key.starts_with("ss_network_");
  });
  return kept;
}

void AddKohyasFacts(const std::string& name, const LayerShapes& layers, Metadata& metadata) {
  metadata.merge(ModelSpec({.title = name, .sdxl = IsSdxl(layers), .lora = true}));
  metadata.insert({"ss_output_name", name});
}

void ShapeFactors(const std::vector<int64_t>& layer, LayerChange& change) {
  using enum AdapterRole;
  if (!change.IsPlainLora()) return;
  at::Tensor &down = change.items.at(kDown).tensor, &up = change.items.at(kUp).tensor;
  std::vector<int64_t> inputs = layer, outputs(layer.size(), 1);
  inputs[0] = outputs[1] = down.size(0);
  outputs[0] = layer[0];
  down = down.reshape(inputs);
  up = up.reshape(outputs);
}

}  // namespace

absl::StatusOr<LayerShapes> LayersOfBase(const std::string& base) {
  const auto model = base.empty() ? RandomModel(kSdxlBase, /*seed=*/0) : ReadModel(base);
  if (!model.ok()) return model.status();
  return LayersOf(*model);
}

absl::StatusOr<std::optional<ModelToWrite>> ReadBase(const std::string& base) {
  if (base.empty()) return std::optional<ModelToWrite>();
  absl::StatusOr<ModelToWrite> model = ReadModel(base);
  if (!model.ok()) return model.status();
  return std::optional<ModelToWrite>(*std::move(model));
}

absl::StatusOr<Adapter> ReadFittedAdapter(const std::string& path, const LayerShapes& layers,
                                          DoraNorm dora_norm) {
  absl::StatusOr<Adapter> adapter = ReadAdapterFile(path, AdapterKeys(PathsOf(layers)), dora_norm);
  if (!adapter.ok()) return adapter;
  if (absl::Status fits = CheckFit(*adapter, layers); !fits.ok()) return fits;
  for (size_t part = 0; part < layers.size(); ++part) {
    for (auto& [layer, change] : adapter->parts.at(part))
      ShapeFactors(layers.at(part).at(layer), change);
  }
  return adapter;
}

absl::Status WriteAdapterAs(const std::string& format, const std::string& out,
                            const Adapter& adapter, const LayerShapes& layers,
                            std::map<std::string, std::string> metadata) {
  const bool kohya = format == kKohya;
  const auto write = [&](const std::string& path) {
    if (!kohya) return WriteDiffusersAdapter(path, adapter, metadata);
    return WriteKohyaAdapter(path, adapter, PathsOf(layers).at(0), metadata);
  };
  if (kohya) {
    const std::filesystem::path name(LastName(out));
    AddKohyasFacts(name.extension() == ".safetensors" ? name.stem().string() : name.string(),
                   layers, metadata);
  }
  if (absl::EndsWith(out, ".safetensors")) return write(out);
  auto folder = AtomicFolder::Create(out);
  if (!folder.ok()) return folder.status();
  const char* const name = kohya ? "/kohya_lora.safetensors" : "/pytorch_lora_weights.safetensors";
  if (absl::Status written = write(folder->path() + name); !written.ok()) return written;
  return folder->Commit();
}

absl::Status WriteAdapter(const ConvertConfig& config, const Adapter& adapter,
                          const LayerShapes& layers, const Metadata& metadata, std::ostream& out) {
  const auto write = [&](const std::string& path) {
    return WriteAdapterAs(config.format, path, adapter, layers, metadata);
  };
  if (!config.verify) return write(config.out);
  return WriteThenVerify(config.out, write, [&](const std::string& path) {
    return VerifyWrittenAdapter(path, adapter, layers, out);
  });
}

absl::Status ConvertAdapter(const ConvertConfig& config, std::ostream& out) {
  const auto layers = LayersOfBase(config.base);
  if (!layers.ok()) return layers.status();
  absl::StatusOr<Adapter> adapter = ReadFittedAdapter(config.in, *layers);
  if (!adapter.ok()) return adapter.status();
  absl::StatusOr<Metadata> metadata = KeptMetadata(config.in);
  if (!metadata.ok()) return metadata.status();
  if (const auto dtype = DtypeNamed(config.dtype)) {
    for (Adapter::Layers& part : adapter->parts) {
      for (auto& [path, change] : part) {
        for (auto& [role, item] : change.items) item.tensor = item.tensor.to(*dtype);
      }
    }
  }
  out << "read: " << Printable(adapter->source, 4096) << ": " << CountLayers(*adapter) << '\n';
  return WriteAdapter(config, *adapter, *layers, *metadata, out);
}

absl::Status VerifyAdapter(const ConvertConfig& config, std::ostream& out) {
  const auto layers = LayersOfBase(config.base);
  if (!layers.ok()) return layers.status();
  const absl::StatusOr<Adapter> adapter =
      ReadFittedAdapter(config.in, *layers, DoraNormNamed(config.dora_norm));
  if (!adapter.ok()) return adapter.status();
  const auto base = ReadBase(config.base);
  if (!base.ok()) return base.status();
  const auto norms = ChangeNorms(*adapter, *layers, base->has_value() ? &**base : nullptr);
  if (!norms.ok()) return norms.status();
  out << "every key is used: " << CountLayers(*adapter) << '\n';
  PrintNorms(*norms, out);
  return absl::OkStatus();
}

}  // namespace draftp
