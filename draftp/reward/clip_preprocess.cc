#include "draftp/reward/clip_preprocess.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

namespace draftp {
namespace {

// Keys, "Cubic convolution interpolation for digital image processing", 1981.
double CubicKernel(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

at::Tensor PerChannel(const std::array<double, 3>& values) {
  at::Tensor tensor = at::empty({3, 1, 1}, at::kDouble);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<double>());
  return tensor;
}

}  // namespace

at::Tensor BicubicMatrix(int64_t in, int64_t out, int64_t first, int64_t count) {
  TORCH_CHECK(in > 0 && out > 0 && first >= 0 && count >= 0 && first + count <= out, "samples ",
              first, " to ", first + count, " of ", out, ", from ", in);
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = std::max(scale, 1.0);
  const double support = 2 * stretch;
  at::Tensor matrix = at::zeros({count, in}, at::kDouble);
  double* row = matrix.mutable_data_ptr<double>();
  for (int64_t i = first; i < first + count; ++i, row += in) {
    const double center = scale * (static_cast<double>(i) + 0.5);
    const int64_t begin = std::max(static_cast<int64_t>(center - support + 0.5), int64_t{0});
    const int64_t end = std::min(static_cast<int64_t>(center + support + 0.5), in);
    double total = 0;
    for (int64_t j = begin; j < end; ++j) {
      row[j] = CubicKernel((static_cast<double>(j) - center + 0.5) / stretch);
      total += row[j];
    }
    for (int64_t j = begin; j < end; ++j) row[j] /= total;
  }
  return matrix;
}

ClipCrop ClipCrop::Of(int64_t height, int64_t width, int64_t size) {
  const auto resized = [&](int64_t length, int64_t other) {
    if (length <= other) return size;
    return static_cast<int64_t>(static_cast<double>(size * length) / static_cast<double>(other));
  };
  ClipCrop crop;
  crop.height = resized(height, width);
  crop.width = resized(width, height);
  // nearbyint rounds halves to even, as Python's round does.
  crop.top = static_cast<int64_t>(std::nearbyint(static_cast<double>(crop.height - size) / 2));
  crop.left = static_cast<int64_t>(std::nearbyint(static_cast<double>(crop.width - size) / 2));
  return crop;
}

struct ClipPreprocess::Matrices {
  at::Tensor rows;          // [size,H]
  at::Tensor columns;       // [W,size]
  at::Tensor scale, shift;  // [3,1,1]
};

struct ClipPreprocess::Cache {
  using Key = std::tuple<int64_t, int64_t, c10::DeviceType, c10::DeviceIndex, at::ScalarType>;
  std::mutex mutex;
  std::map<Key, Matrices> matrices;
};

ClipPreprocess::ClipPreprocess(int64_t size, const std::array<double, 3>& mean,
                               const std::array<double, 3>& std)
    : size_(size), mean_(mean), std_(std), cache_(std::make_shared<Cache>()) {}

ClipPreprocess::Matrices ClipPreprocess::Get(const at::Tensor& images) const {
  const int64_t height = images.size(2), width = images.size(3);
  const at::Device device = images.device();
  const Cache::Key key{height, width, device.type(), device.index(), images.scalar_type()};
  const std::lock_guard lock(cache_->mutex);
  const auto found = cache_->matrices.find(key);
  if (found != cache_->matrices.end()) return found->second;
  const ClipCrop crop = ClipCrop::Of(height, width, size_);
  std::array<double, 3> scale, shift;
  for (size_t c = 0; c < 3; ++c) {
    scale[c] = 1 / (255 * std_[c]);
    shift[c] = -mean_[c] / std_[c];
  }
  const at::NoGradGuard no_grad;
  Matrices made{
      .rows = BicubicMatrix(height, crop.height, crop.top, size_).to(images.options()),
      .columns =
          BicubicMatrix(width, crop.width, crop.left, size_).t().contiguous().to(images.options()),
      .scale = PerChannel(scale).to(images.options()),
      .shift = PerChannel(shift).to(images.options())};
  return cache_->matrices.emplace(key, std::move(made)).first->second;
}

at::Tensor ClipPreprocess::operator()(const at::Tensor& images) const {
  TORCH_CHECK(images.dim() == 4 && images.size(1) == 3 && images.size(2) > 0 && images.size(3) > 0,
              "images must be [B,3,H,W], got ", images.sizes());
  const at::Tensor x = images.scalar_type() == at::kDouble ? images : images.to(at::kFloat);
  const Matrices m = Get(x);
  // Columns first: that product has all rows of all images in one.
  const at::Tensor narrow = at::matmul(x.contiguous(), m.columns);  // [B,3,H,size]
  const at::Tensor resized = at::matmul(m.rows, narrow);            // [B,3,size,size]
  return at::addcmul(m.shift, resized, m.scale);
}

}  // namespace draftp
