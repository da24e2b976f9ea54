// A whole computation, backward pass included, recorded in a CUDA graph and replayed on new inputs.
#ifndef DRAFTP_OBJECTIVE_GRAPH_RECORDER_H_
#define DRAFTP_OBJECTIVE_GRAPH_RECORDER_H_

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "draftp/kernels/cuda_backend.h"

namespace draftp {

// For a computation that launches the same kernels with the same numbers every time: no draws from
// a host's generator, no reading back. `Result` holds what it computes.
//   const Result& result = recorder.Run(inputs, {kl_coefficient}, [&](const auto& in) { ... });
template <class Result>
class GraphRecorder {
 public:
  using Capture = std::function<std::unique_ptr<CapturedGraph>(const std::function<void()>& body)>;

  explicit GraphRecorder(Capture capture = CaptureOnDevice) : capture_(std::move(capture)) {}

  // compute(inputs) by replaying its recording. It is recorded at the first call and again when a
  // shape among the inputs or one of `fixed`, the numbers that go into the recording, is another.
  // The result's tensors are overwritten by the next call. Recording runs it, too, before the first
  // replay; recorded() is called in between.
  template <class F>
  const Result& Run(
      const std::vector<at::Tensor>& inputs, const std::vector<double>& fixed, F&& compute,
      const std::function<void()>& recorded = [] {}) {
    if (!recording_ || recording_->fixed != fixed || !SameShapes(inputs)) {
      recording_.reset();  // its memory, before the next one's is taken
      recording_ = std::make_unique<Recording>();
      recording_->fixed = fixed;
      for (const at::Tensor& input : inputs) recording_->inputs.push_back(input.clone());
      recording_->graph = capture_([&] { recording_->result = compute(recording_->inputs); });
      recorded();
    }
    for (size_t i = 0; i < inputs.size(); ++i) recording_->inputs[i].copy_(inputs[i]);
    recording_->graph->Replay();
    return recording_->result;
  }

 private:
  struct Recording {
    std::vector<double> fixed;
    std::vector<at::Tensor> inputs;  // where the graph reads
    Result result;                   // where it writes
    std::unique_ptr<CapturedGraph> graph;
  };

  static std::unique_ptr<CapturedGraph> CaptureOnDevice(const std::function<void()>& body) {
    const auto backend = OpenCudaBackend();
    TORCH_CHECK(backend.ok(), std::string(backend.status().message()));
    return (*backend)->Capture(body);
  }

  bool SameShapes(const std::vector<at::Tensor>& inputs) const {
    if (inputs.size() != recording_->inputs.size()) return false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].sizes() != recording_->inputs[i].sizes()) return false;
    }
    return true;
  }

  Capture capture_;
  std::unique_ptr<Recording> recording_;
};

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_GRAPH_RECORDER_H_
