#include "draftp/checkpoint/single_file_writer.h"

#include <ATen/ops/cat.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "draftp/checkpoint/sgm_names.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

std::vector<std::string> Names(const TensorsToWrite& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  return names;
}

// The same tensor in another shape of as many elements.
TensorToWrite Reshaped(const TensorToWrite& tensor, std::vector<int64_t> shape) {
  const auto make = [make = tensor.make, shape]() -> absl::StatusOr<at::Tensor> {
    absl::StatusOr<at::Tensor> made = make();
    return made.ok() ? made->reshape(shape) : made;
  };
  return {tensor.dtype, shape, make};
}

TensorToWrite Transposed(const TensorToWrite& tensor) {
  const auto make = [make = tensor.make]() -> absl::StatusOr<at::Tensor> {
    absl::StatusOr<at::Tensor> made = make();
    return made.ok() ? made->t().contiguous() : made;
  };
  return {tensor.dtype, {tensor.shape[1], tensor.shape[0]}, make};
}

// q, k and v, one below the other.
TensorToWrite Joined(const std::array<TensorToWrite, 3>& parts) {
  std::vector<int64_t> shape = parts[0].shape;
  shape[0] *= 3;
  const auto make = [parts]() -> absl::StatusOr<at::Tensor> {
    std::vector<at::Tensor> made;
    for (const TensorToWrite& part : parts) {
      absl::StatusOr<at::Tensor> one = part.make();
      if (!one.ok()) return one.status();
      made.push_back(*std::move(one));
    }
    return at::cat(made);
  };
  return {parts[0].dtype, shape, make};
}

absl::Status AddRenamed(const absl::StatusOr<std::vector<Renaming>>& names,
                        const std::string& prefix, const TensorsToWrite& tensors, bool vae,
                        TensorsToWrite& file) {
  if (!names.ok()) return names.status();
  for (const auto& [from, to, view] : *names) {
    const TensorToWrite& tensor = tensors.at(from);
    std::vector<int64_t> shape = tensor.shape;
    if (vae && shape.size() == 2) shape.insert(shape.end(), {1, 1});
    file[prefix + to] = Reshaped(tensor, shape);
  }
  return absl::OkStatus();
}

// OpenCLIP's name of a tensor of transformers' text tower; empty for q, k, v.
std::string OpenClipName(const std::string& name) {
  if (absl::StrContains(name, ".q_proj.") || absl::StrContains(name, ".k_proj.") ||
      absl::StrContains(name, ".v_proj.")) {
    return "";
  }
  return absl::StrReplaceAll(
      name, {{"text_model.embeddings.token_embedding.weight", "token_embedding.weight"},
             {"text_model.embeddings.position_embedding.weight", "positional_embedding"},
             {"text_model.final_layer_norm.", "ln_final."},
             {"text_model.encoder.layers.", "transformer.resblocks."},
             {"text_projection.weight", "text_projection"},
             {".layer_norm1.", ".ln_1."},
             {".layer_norm2.", ".ln_2."},
             {".mlp.fc1.", ".mlp.c_fc."},
             {".mlp.fc2.", ".mlp.c_proj."},
             {".self_attn.out_proj.", ".attn.out_proj."}});
}

absl::Status AddBigG(const TensorsToWrite& tensors, TensorsToWrite& file) {
  const std::string prefix = "conditioner.embedders.1.model.";
  for (const auto& [name, tensor] : tensors) {
    if (const std::string to = OpenClipName(name); !to.empty()) {
      file[prefix + to] = to == "text_projection" ? Transposed(tensor) : tensor;
      continue;
    }
    const size_t at = name.find(".q_proj.");
    if (at == std::string::npos) continue;
    std::array<TensorToWrite, 3> parts;
    for (size_t i = 0; i < 3; ++i) {
      std::string part = name;
      part[at + 1] = "qkv"[i];
      const auto found = tensors.find(part);
      if (found == tensors.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat("found ", Quoted(name), " and no ", Quoted(part), ", expected both"));
      }
      parts[i] = found->second;
    }
    const std::string to =
        absl::StrReplaceAll(name, {{"text_model.encoder.layers.", "transformer.resblocks."},
                                   {".self_attn.q_proj.", ".attn.in_proj_"}});
    file[prefix + to] = Joined(parts);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TensorsToWrite> AsStored(std::shared_ptr<WeightMap> weights,
                                        std::optional<at::ScalarType> dtype) {
  TensorsToWrite tensors;
  for (const std::string& name : weights->names()) {
    const absl::StatusOr<std::vector<int64_t>> shape = weights->Shape(name);
    if (!shape.ok()) return shape.status();
    const absl::StatusOr<at::Tensor> stored = weights->Take(name, *shape);
    if (!stored.ok()) return stored.status();
    const at::ScalarType as = dtype.value_or(stored->scalar_type());
    const auto make = [weights, name, shape = *shape, as]() -> absl::StatusOr<at::Tensor> {
      absl::StatusOr<at::Tensor> taken = weights->Take(name, shape);
      return taken.ok() ? taken->to(as) : taken;
    };
    tensors[name] = {as, *shape, make};
  }
  return tensors;
}

absl::Status AddSingleFilePart(ModelPart part, const TensorsToWrite& tensors,
                               TensorsToWrite& file) {
  if (part == ModelPart::kUNet) {
    return AddRenamed(ToSgmUNetNames(Names(tensors)), "model.diffusion_model.", tensors,
                      /*vae=*/false, file);
  }
  if (part == ModelPart::kVae) {
    return AddRenamed(ToLdmVaeNames(Names(tensors)), "first_stage_model.", tensors, /*vae=*/true,
                      file);
  }
  if (part == ModelPart::kTextEncoder2) return AddBigG(tensors, file);
  for (const auto& [name, tensor] : tensors) {
    if (name == "text_projection.weight") continue;  // SDXL's CLIP-L is used without
    file["conditioner.embedders.0.transformer." + name] = tensor;
  }
  return absl::OkStatus();
}

}  // namespace draftp
