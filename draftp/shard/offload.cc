#include "draftp/shard/offload.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_strided.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include <unordered_set>
#include <utility>

#include "draftp/shard/gradient_buckets.h"
#include "draftp/shard/unbacked.h"

namespace draftp {
namespace {

// Values on the host, from where a GPU copies without the host's help.
at::Tensor Kept(const at::Tensor& values) {
  const at::Tensor host =
      at::empty_strided(values.sizes(), values.strides(),
                        values.options().device(at::kCPU).pinned_memory(values.is_cuda()));
  return host.copy_(values);
}

// A stream of a device's pool, behind which copies go on while others compute.
class CopyStream {
 public:
  Pending Copy(const at::Tensor& into, const at::Tensor& from) {
    if (!into.is_cuda()) {
      into.copy_(from);
      return Pending();
    }
    const c10::impl::VirtualGuardImpl device(into.device().type());
    if (!stream_) stream_ = device.getStreamFromGlobalPool(into.device());
    c10::Event free(into.device().type());
    free.record(device.getStream(into.device()));
    stream_->wait(free);
    auto copied = std::make_shared<c10::Event>(into.device().type());
    {
      const c10::StreamGuard guard(*stream_);
      into.copy_(from, /*non_blocking=*/true);
      copied->record(*stream_);
    }
    return Pending([copied, device, at = into.device()] { device.getStream(at).wait(*copied); });
  }

 private:
  std::optional<c10::Stream> stream_;
};

}  // namespace

IdleWeights::IdleWeights(const std::vector<at::Tensor>& tensors) {
  const at::NoGradGuard no_grad;
  std::unordered_set<const void*> seen;
  for (const at::Tensor& tensor : tensors) {
    if (!seen.insert(tensor.unsafeGetTensorImpl()).second) continue;
    weights_.push_back({tensor, Kept(tensor)});
    tensor.set_data(UnbackedLike(tensor));
  }
}

IdleWeights::Use::Use(IdleWeights* weights) : weights_(weights) {
  if (weights_ == nullptr || weights_->uses_++ > 0) return;
  const at::NoGradGuard no_grad;
  for (Weight& weight : weights_->weights_) {
    weight.tensor.set_data(weight.kept.to(weight.tensor.device(), weight.kept.scalar_type(),
                                          /*non_blocking=*/true,
                                          /*copy=*/true));
  }
}

IdleWeights::Use::~Use() {
  if (weights_ == nullptr || --weights_->uses_ > 0) return;
  const at::NoGradGuard no_grad;
  for (Weight& weight : weights_->weights_) weight.tensor.set_data(UnbackedLike(weight.tensor));
}

int64_t IdleWeights::bytes() const {
  int64_t bytes = 0;
  for (const Weight& weight : weights_) bytes += static_cast<int64_t>(weight.kept.nbytes());
  return bytes;
}

WeightSource OnTheHost() {
  auto stream = std::make_shared<CopyStream>();
  return {
      .keep = [](const std::vector<at::Tensor>& values) { return Kept(FlatPart(values, 1, 0)); },
      .parts = 1,
      .fetch = [stream](const at::Tensor& whole,
                        const at::Tensor& kept) { return stream->Copy(whole, kept); }};
}

StreamedPieces::StreamedPieces(const std::vector<std::vector<at::Tensor>>& blocks)
    : blocks_(std::make_shared<WeightBlocks>(OnTheHost())) {
  for (const std::vector<at::Tensor>& block : blocks) blocks_->Add(block);
}

at::Tensor StreamedPieces::operator()(const Piece& piece, const std::vector<at::Tensor>& inputs,
                                      const PieceParameters& parameters) const {
  TORCH_CHECK(!at::GradMode::is_enabled(), "weights are streamed without gradients alone");
  if (const std::optional<size_t> block = blocks_->BlockOf(parameters()))
    blocks_->Use(*block, WeightBlocks::Pass::kForward);
  return piece(Joined(inputs));
}

}  // namespace draftp
