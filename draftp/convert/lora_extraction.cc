#include "draftp/convert/lora_extraction.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/matmul.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "draftp/convert/adapter_conversion.h"
#include "draftp/convert/model_structure.h"
#include "draftp/convert/truncated_svd.h"
#include "draftp/convert/verify.h"
#include "draftp/io/count.h"
#include "draftp/io/last_name.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

std::string ShapeIn(const TensorsToWrite& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) return "nothing";
  return absl::StrCat("[", absl::StrJoin(found->second.shape, ","), "]");
}

absl::StatusOr<at::Tensor> Difference(const TensorToWrite& tuned, const TensorToWrite& base) {
  const auto one = tuned.make(), other = base.make();
  if (!one.ok()) return one.status();
  if (!other.ok()) return other.status();
  return one->to(at::kFloat) - other->to(at::kFloat);
}

class Extraction {
 public:
  Extraction(const ModelToWrite& tuned, const ModelToWrite& base, int64_t rank,
             at::ScalarType dtype)
      : tuned_(tuned), base_(base), rank_(rank), dtype_(dtype) {
    lora_.adapter.source = tuned.source;
  }

  absl::StatusOr<ExtractedLora> Run() && {
    const at::NoGradGuard no_grad;
    for (const ModelPart part : kModelParts) {
      if (absl::Status done = ExtractPart(part); !done.ok()) return done;
    }
    int64_t layers = 0;
    for (const ExtractionError& error : lora_.errors) layers += error.layers;
    if (layers > 0) return std::move(lora_);
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(tuned_.source, 4096), ": found no layer that differs from ",
                     Printable(base_.source, 4096), ", expected a fine-tuned model of it"));
  }

 private:
  absl::Status ExtractPart(ModelPart part) {
    const TensorsToWrite &tuned = tuned_.of(part).tensors, &base = base_.of(part).tensors;
    TensorsToWrite all = tuned;
    all.insert(base.begin(), base.end());
    for (const auto& [name, tensor] : all) {
      const std::string one = ShapeIn(tuned, name), other = ShapeIn(base, name);
      const std::string where = absl::StrCat(PartFolder(part), "/", Printable(name));
      if (one != other) {
        return absl::InvalidArgumentError(absl::StrCat(Printable(tuned_.source, 4096), ": ", where,
                                                       ": is ", one, ", expected ", other,
                                                       " as in ", Printable(base_.source, 4096)));
      }
      const auto difference = Difference(tuned.at(name), base.at(name));
      if (!difference.ok()) return difference.status();
      const double squares = SumOfSquares(*difference);
      if (!std::isfinite(squares)) {
        return absl::InvalidArgumentError(
            absl::StrCat(Printable(tuned_.source, 4096), ": ", where,
                         ": the difference isn't finite, expected finite weights in both models"));
      }
      if (squares > 0) Take(part, name, *difference, squares);
    }
    return absl::OkStatus();
  }

  void Take(ModelPart part, const std::string& name, const at::Tensor& difference, double squares) {
    constexpr std::string_view kWeight = ".weight";
    const bool layer = part != ModelPart::kVae && difference.dim() > 1 && name.ends_with(kWeight) &&
                       !name.starts_with("text_model.embeddings.");
    if (!layer) {
      ++lora_.left_out;
      return;
    }
    const size_t i = part == ModelPart::kUNet ? 0 : part == ModelPart::kTextEncoder ? 1 : 2;
    Factor(difference, squares, name.substr(0, name.size() - kWeight.size()),
           lora_.adapter.parts.at(i), lora_.errors.at(i));
  }

  void Factor(const at::Tensor& difference, double squares, const std::string& path,
              Adapter::Layers& layers, ExtractionError& error) const {
    const at::Tensor matrix = difference.flatten(1);
    const int64_t rank = std::min({rank_, matrix.size(0), matrix.size(1)});
    const TruncatedSvd svd = LargestSingularValues(matrix, rank);
    const at::Tensor root = svd.s.sqrt();
    std::vector<int64_t> down = difference.sizes().vec(), up(down.size(), 1);
    up[0] = down[0];
    down[0] = up[1] = rank;
    const at::Tensor a = (svd.v * root).t().contiguous().to(dtype_),
                     b = (svd.u * root).contiguous().to(dtype_);
    const double left = SumOfSquares(matrix - at::matmul(b.to(at::kFloat), a.to(at::kFloat)));
    LayerChange& change = layers[path];
    change.items[AdapterRole::kDown] = {a.reshape(down), path};
    change.items[AdapterRole::kUp] = {b.reshape(up), path};
    ++error.layers;
    error.left += left;
    error.all += squares;
    if (const double relative = std::sqrt(left / squares);
        relative >= error.worst || error.layers == 1) {
      error.worst = relative;
      error.worst_layer = path;
    }
  }

  const ModelToWrite &tuned_, &base_;
  const int64_t rank_;
  const at::ScalarType dtype_;
  ExtractedLora lora_;
};

void PrintTable(const ExtractedLora& lora, int64_t rank, std::ostream& out) {
  ExtractionError total;
  out << "part            layers  rank  error   worst layer\n";
  for (size_t i = 0; i < lora.errors.size(); ++i) {
    const ExtractionError& error = lora.errors.at(i);
    if (error.layers == 0) continue;
    out << absl::StrFormat("%-14s  %6d  %4d  %.4f  %.4f %s\n",
                           PartName(static_cast<AdapterPart>(i)), error.layers, rank,
                           error.relative(), error.worst, error.worst_layer);
    total.layers += error.layers;
    total.left += error.left;
    total.all += error.all;
  }
  out << absl::StrFormat("%-14s  %6d  %4d  %.4f\n", "total", total.layers, rank, total.relative());
  if (lora.left_out > 0) {
    out << "left out: " << Count(lora.left_out, "tensor")
        << " that differ, of the VAE, biases, norms and embeddings: a LoRA doesn't hold them\n";
  }
}

}  // namespace

double ExtractionError::relative() const { return all > 0 ? std::sqrt(left / all) : 0; }

absl::StatusOr<ExtractedLora> ExtractLora(const ModelToWrite& tuned, const ModelToWrite& base,
                                          int64_t rank, at::ScalarType dtype) {
  return Extraction(tuned, base, rank, dtype).Run();
}

absl::Status RunExtraction(const ConvertConfig& config, std::ostream& out, ByteProgress& progress) {
  auto tuned = ReadModel(config.in, config.parts);
  if (!tuned.ok()) return tuned.status();
  int64_t bytes = 0;
  for (PartToWrite& part : tuned->parts) {
    part.tensors = Watched(part.tensors, progress);
    bytes += part.Bytes();
  }
  const auto base = ReadModel(config.extract);
  if (!base.ok()) return base.status();
  const auto lora =
      ExtractLora(*tuned, *base, config.rank, DtypeNamed(config.dtype).value_or(at::kFloat));
  if (!lora.ok()) return lora.status();
  progress.Finish();
  PrintTable(*lora, config.rank, out);
  const std::string comment = absl::StrCat("difference of ", LastName(config.in), " and ",
                                           LastName(config.extract), " by draftp");
  const LayerShapes layers = LayersOf(*base);
  return WriteAdapter(config, lora->adapter, layers, {{"ss_training_comment", comment}}, out);
}

}  // namespace draftp
