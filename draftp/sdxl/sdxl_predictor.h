// The UNets behind a denoiser: row groups to rows of as few network calls as there are networks.
#ifndef DRAFTP_SDXL_SDXL_PREDICTOR_H_
#define DRAFTP_SDXL_SDXL_PREDICTOR_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "draftp/adapter/adapter_guard.h"
#include "draftp/kernels/cuda_backend.h"
#include "draftp/model/conditioning.h"
#include "draftp/model/prepared.h"
#include "draftp/model/unet.h"
#include "draftp/sampling/noise_predictor.h"

namespace draftp {

// An adapter in a slot of a UNet's layers, on top of alpha/r.
struct CarriedAdapter {
  int slot;
  double scale = 1.0;

  friend bool operator==(const CarriedAdapter&, const CarriedAdapter&) = default;
};

// One model of a mixture: a network, and the adapters that its rows carry.
struct SdxlNetwork {
  const UNet* unet;                           // not owned
  std::vector<CarriedAdapter> adapters = {};  // what they add, adds up
  const UNet* inference = nullptr;  // the same network and adapters in the form that calls without
                                    // gradient take (pack_weights.h), not owned; null: `unet`

  friend bool operator==(const SdxlNetwork&, const SdxlNetwork&) = default;
};

// What conditions one model of a mixture in the place of what conditions all: of its own text
// encoders. B rows each.
struct OwnConditioning {
  int model;
  Conditioning unconditional, conditional;
};

// The places of a base model and of what was made of it first among a predictor's models.
inline constexpr int kBaseNetwork = 0;
inline constexpr int kTunedNetwork = 1;

// NoisePredictor over models that may share a network. Row groups of one network make one call, in
// which each group's rows carry their adapter. What the layout of rows leaves constant (Prepared)
// is computed once per batch and layout. On a GPU the calls without gradient are captured in CUDA
// graphs, one per layout and scales of adapters, and replayed for every step and batch of those. On
// a CPU those calls are split into parts of equal rows, one a thread, where the rows suffice. The
// networks must outlive it; it serves one thread.
class SdxlPredictor {
 public:
  struct Options {
    // Of calls with gradient; of all calls where its pieces' weights don't stay. These are neither
    // split nor captured, and project keys and values as they go.
    UNetOptions unet = {};
    bool capture = true;  // false where the caller captures whole runs
  };
  // `models[i]` is what RowGroup::model == i means.
  explicit SdxlPredictor(std::vector<SdxlNetwork> models, const Options& options);
  explicit SdxlPredictor(std::vector<SdxlNetwork> models)
      : SdxlPredictor(std::move(models), Options()) {}

  // The prompts of the next batch, B rows each, and of models that have their own, always the same
  // ones. Call it before the first prediction.
  void SetConditioning(Conditioning unconditional, Conditioning conditional,
                       std::vector<OwnConditioning> own = {});

  // x [B,C,h,w] scaled by c_in -> [rows.size()*B,C,h,w] in the network's dtype, row-group-major.
  at::Tensor operator()(const at::Tensor& x, double time, std::span<const RowGroup> rows);

  // The adapters in effect, at first each model's own on its rows. A call uses those of its models'
  // adapters that are among them, with the scales of both multiplied; a guard that takes them out
  // makes every model its network as it is. Read at the start of a call: what runs again later, in
  // a backward pass or a replayed graph, keeps what it had. Ranges on all rows alone.
  AdapterSwitch& adapters() { return adapters_; }

  // Whether calls from now on are captured: not where the scales of adapters change from call to
  // call, for a graph holds those that it was captured with.
  void set_capture(bool capture) { options_.capture = capture; }

  // Rows that the networks have seen, for reports: images times row groups, over all calls.
  int64_t network_rows() const { return network_rows_; }

 private:
  // Rows of a call that one thread takes.
  struct Part {
    int64_t begin, end;
    Prepared prepared;  // with the adapters' rows counted from `begin`
  };
  // One network's part of a layout.
  struct Call {
    const UNet* unet;
    std::vector<RowGroup> groups;
    AdapterRows adapters;
    Prepared prepared;
    std::vector<int64_t> places;  // of the groups as they were asked for, among `groups`
    // Of a captured call: what the graph reads and writes.
    at::Tensor input, time, output;
    std::unique_ptr<CapturedGraph> graph;
    std::vector<Part> parts;  // of a call that is split
  };
  struct Layout {
    std::vector<RowGroup> rows;
    bool gradient;          // made under grad mode: keys and values belong to each call's own graph
    AdapterRows in_effect;  // the switch's, when it was made
    std::vector<Call> calls;
  };

  Layout& FindLayout(std::span<const RowGroup> rows);
  // Of layouts of these rows that differ in the scales of their adapters the last few are kept:
  // each has keys and values of its own, and a graph the memory that it works in.
  void ForgetOldScales(std::span<const RowGroup> rows);
  Layout MakeLayout(std::span<const RowGroup> rows) const;
  const Conditioning& ConditioningOf(const RowGroup& group) const;
  // Orders the groups of a call without gradient so that prompts of zeros come first
  // (Prompt::zero_rows), and those of each model beside each other. Sets what depends on the order.
  void OrderGroups(Call& call, bool gradient) const;
  Prepared PrepareCall(const Call& call, bool gradient) const;
  bool weights_stay() const { return options_.unet.pieces.weights_stay(); }
  void SplitRows(Layout& layout) const;
  at::Tensor RunParts(Layout& layout, const at::Tensor& x, double time);
  at::Tensor Run(Call& call, const at::Tensor& x, double time);
  at::Tensor Replay(Call& call, const at::Tensor& x, double time);

  std::vector<SdxlNetwork> models_;
  Options options_;
  AdapterSwitch adapters_;
  Conditioning unconditional_, conditional_;
  std::vector<OwnConditioning> own_;
  std::vector<Layout> layouts_;  // a handful: which models and conditions a step evaluates
  int64_t network_rows_ = 0;
};

static_assert(NoisePredictor<SdxlPredictor>, "SdxlPredictor does not satisfy NoisePredictor");

}  // namespace draftp

#endif  // DRAFTP_SDXL_SDXL_PREDICTOR_H_
