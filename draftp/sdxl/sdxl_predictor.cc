#include "draftp/sdxl/sdxl_predictor.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <utility>

#include "draftp/kernels/cpu/layers.h"
#include "draftp/kernels/cpu/thread_pool.h"
#include "draftp/model/unet_prepare.h"

namespace draftp {
namespace {

// Writes `from` where a captured call reads `into`.
void CopyPrepared(const Prepared& from, Prepared& into) {
  into.prompt.context.copy_(from.prompt.context);
  for (size_t i = 0; i < into.prompt.keys_values.size(); ++i) {
    into.prompt.keys_values[i].keys.copy_(from.prompt.keys_values[i].keys);
    into.prompt.keys_values[i].values.copy_(from.prompt.keys_values[i].values);
  }
  if (into.added.defined()) into.added.copy_(from.added);
}

// Rows [begin, end) of what was prepared for a call.
Prepared Rows(const Prepared& prepared, int64_t begin, int64_t end) {
  const auto rows = [begin, end](const at::Tensor& x) {
    return x.defined() ? x.narrow(0, begin, end - begin) : x;
  };
  Prepared part{.prompt = {.context = rows(prepared.prompt.context),
                           .keys_values = {},
                           .zero_rows = std::clamp<int64_t>(prepared.prompt.zero_rows - begin, 0,
                                                            end - begin)},
                .added = rows(prepared.added),
                .rows = RowsBetween(prepared.rows, begin, end)};
  for (const KeysValues& layer : prepared.prompt.keys_values)
    part.prompt.keys_values.push_back({.keys = rows(layer.keys), .values = rows(layer.values)});
  return part;
}

// The groups of y [groups*B,...] in the order of `places`, a copy.
at::Tensor InPlaces(const at::Tensor& y, const std::vector<int64_t>& places) {
  const std::vector<at::Tensor> groups = y.chunk(static_cast<int64_t>(places.size()));
  std::vector<at::Tensor> ordered;
  for (const int64_t place : places) ordered.push_back(groups[place]);
  return at::cat(ordered);
}

// Whether both know of the same prompts that they are zeros.
bool SameZeros(const std::vector<OwnConditioning>& a, const std::vector<OwnConditioning>& b) {
  return std::ranges::equal(a, b, [](const OwnConditioning& x, const OwnConditioning& y) {
    return x.model == y.model && x.unconditional.zero_context == y.unconditional.zero_context &&
           x.conditional.zero_context == y.conditional.zero_context;
  });
}

at::Tensor ExpandRows(const at::Tensor& x, int64_t groups) {
  return groups == 1 ? x : x.repeat({groups, 1, 1, 1});
}

// Every adapter of the models, on all rows.
AdapterRows AdaptersOf(const std::vector<SdxlNetwork>& models) {
  AdapterRows adapters;
  for (const SdxlNetwork& model : models) {
    for (const CarriedAdapter& carried : model.adapters) {
      const AdapterRange range{.adapter = carried.slot};
      if (std::ranges::find(adapters, range) == adapters.end()) adapters.push_back(range);
    }
  }
  return adapters;
}

// Adds `range` to what acts on the rows before it, in one where it goes on.
void AddRange(const AdapterRange& range, AdapterRows& rows) {
  const auto before = std::ranges::find_if(rows, [&](const AdapterRange& other) {
    return other.adapter == range.adapter && other.scale == range.scale && other.end == range.begin;
  });
  if (before == rows.end()) {
    rows.push_back(range);
  } else {
    before->end = range.end;
  }
}

// The factor of an adapter among those in effect; 0: it isn't.
double ScaleInEffect(const AdapterRows& adapters, int adapter) {
  double scale = 0;
  for (const AdapterRange& range : adapters) {
    TORCH_CHECK(range.begin == 0 && range.end == kToLastRow,
                "a predictor's adapters act on all of a model's rows, got [", range.begin, ",",
                range.end, ")");
    if (range.adapter == adapter) scale += range.scale;
  }
  return scale;
}

}  // namespace

SdxlPredictor::SdxlPredictor(std::vector<SdxlNetwork> models, const Options& options)
    : models_(std::move(models)), options_(options), adapters_(AdaptersOf(models_)) {}

void SdxlPredictor::SetConditioning(Conditioning unconditional, Conditioning conditional,
                                    std::vector<OwnConditioning> own) {
  const int64_t batch = conditional.context.size(0);
  TORCH_CHECK(unconditional.context.size(0) == batch, "conditional rows ", batch,
              ", unconditional ", unconditional.context.size(0));
  const bool same_shape = conditional_.context.defined() &&
                          conditional_.context.sizes() == conditional.context.sizes() &&
                          unconditional_.zero_context == unconditional.zero_context &&
                          SameZeros(own_, own);
  unconditional_ = std::move(unconditional);
  conditional_ = std::move(conditional);
  own_ = std::move(own);
  std::erase_if(layouts_,
                [same_shape](const Layout& layout) { return !same_shape || layout.gradient; });
  const at::NoGradGuard no_grad;
  for (Layout& layout : layouts_) {
    for (Call& call : layout.calls) {
      if (call.graph) {
        CopyPrepared(PrepareCall(call, false), call.prepared);
      } else {
        call.prepared = PrepareCall(call, false);
      }
    }
    SplitRows(layout);
  }
}

const Conditioning& SdxlPredictor::ConditioningOf(const RowGroup& group) const {
  const bool conditional = group.condition == Condition::kConditional;
  for (const OwnConditioning& own : own_) {
    if (own.model == group.model) return conditional ? own.conditional : own.unconditional;
  }
  return conditional ? conditional_ : unconditional_;
}

Prepared SdxlPredictor::PrepareCall(const Call& call, bool gradient) const {
  std::vector<at::Tensor> context, pooled, time_ids;
  int64_t zero_rows = 0;
  for (const RowGroup& group : call.groups) {
    const Conditioning& condition = ConditioningOf(group);
    if (condition.zero_context && !gradient) zero_rows += condition.context.size(0);
    context.push_back(condition.context);
    pooled.push_back(condition.pooled);
    time_ids.push_back(condition.time_ids);
  }
  const UNetConditioning rows{at::cat(context), at::cat(pooled), at::cat(time_ids), zero_rows};
  return Prepare(
      *call.unet, rows, call.adapters,
      gradient || !weights_stay() ? KeysAndValues::kInForward : KeysAndValues::kPrepared);
}

void SdxlPredictor::OrderGroups(Call& call, bool gradient) const {
  const auto zero = [this](const RowGroup& group) { return ConditioningOf(group).zero_context; };
  const std::vector<RowGroup> asked = call.groups;
  if (!gradient && std::ranges::any_of(asked, zero)) {
    std::ranges::stable_sort(call.groups, [&](const RowGroup& a, const RowGroup& b) {
      if (zero(a) != zero(b)) return zero(a);
      return zero(a) ? a.model < b.model : a.model > b.model;
    });
  }
  for (const RowGroup& group : asked)
    call.places.push_back(std::ranges::find(call.groups, group) - call.groups.begin());
  const int64_t batch = conditional_.context.size(0);
  for (size_t i = 0; i < call.groups.size(); ++i) {
    const int64_t begin = batch * static_cast<int64_t>(i);
    for (const CarriedAdapter& carried : models_[call.groups[i].model].adapters) {
      const double scale = carried.scale * ScaleInEffect(adapters_.rows(), carried.slot);
      if (scale != 0.0) AddRange({carried.slot, begin, begin + batch, scale}, call.adapters);
    }
  }
}

SdxlPredictor::Layout SdxlPredictor::MakeLayout(std::span<const RowGroup> rows) const {
  Layout layout{{rows.begin(), rows.end()}, at::GradMode::is_enabled(), adapters_.rows(), {}};
  for (const RowGroup& group : rows) {
    TORCH_CHECK(group.model >= 0 && group.model < static_cast<int>(models_.size()),
                "row group of model ", group.model, " of ", models_.size());
    const SdxlNetwork& model = models_[group.model];
    const UNet* unet = layout.gradient || !model.inference ? model.unet : model.inference;
    if (layout.calls.empty() || layout.calls.back().unet != unet) {
      layout.calls.push_back({.unet = unet,
                              .groups = {},
                              .adapters = {},
                              .prepared = {},
                              .places = {},
                              .input = {},
                              .time = {},
                              .output = {},
                              .graph = nullptr,
                              .parts = {}});
    }
    layout.calls.back().groups.push_back(group);
  }
  for (Call& call : layout.calls) {
    OrderGroups(call, layout.gradient);
    call.prepared = PrepareCall(call, layout.gradient);
  }
  SplitRows(layout);
  return layout;
}

SdxlPredictor::Layout& SdxlPredictor::FindLayout(std::span<const RowGroup> rows) {
  TORCH_CHECK(conditional_.context.defined(),
              "SdxlPredictor: SetConditioning comes before the first prediction");
  for (Layout& layout : layouts_) {
    if (layout.gradient == at::GradMode::is_enabled() && std::ranges::equal(layout.rows, rows) &&
        layout.in_effect == adapters_.rows()) {
      return layout;
    }
  }
  ForgetOldScales(rows);
  return layouts_.emplace_back(MakeLayout(rows));
}

void SdxlPredictor::ForgetOldScales(std::span<const RowGroup> rows) {
  constexpr int64_t kMost = 8, kMostGraphs = 4;
  for (const bool captured : {false, true}) {
    const auto comes_and_goes = [&](const Layout& layout) {
      return !layout.gradient && (layout.calls[0].graph != nullptr) == captured &&
             std::ranges::equal(layout.rows, rows);
    };
    if (std::ranges::count_if(layouts_, comes_and_goes) >= (captured ? kMostGraphs : kMost))
      layouts_.erase(std::ranges::find_if(layouts_, comes_and_goes));
  }
}

at::Tensor SdxlPredictor::Replay(Call& call, const at::Tensor& x, double time) {
  const auto groups = static_cast<int64_t>(call.groups.size());
  if (!call.graph) {
    const auto backend = OpenCudaBackend();
    TORCH_CHECK(backend.ok(), std::string(backend.status().message()));
    call.input = ExpandRows(x, groups).clone();
    call.time = at::full({}, time, x.options().dtype(at::kFloat));
    call.graph = (*backend)->Capture([&call] {
      call.output = UNetForward(*call.unet, call.input, call.time, call.prepared, call.adapters);
    });
  }
  call.input.view({groups, x.size(0), x.size(1), x.size(2), x.size(3)}).copy_(x.unsqueeze(0));
  call.time.fill_(time);
  call.graph->Replay();
  return InPlaces(call.output, call.places);  // the next replay writes into the output
}

at::Tensor SdxlPredictor::Run(Call& call, const at::Tensor& x, double time) {
  network_rows_ += x.size(0) * static_cast<int64_t>(call.groups.size());
  const bool plain = !at::GradMode::is_enabled() && weights_stay();
  if (x.is_cuda() && plain && options_.capture) return Replay(call, x, time);
  const at::Tensor y =
      UNetForward(*call.unet, ExpandRows(x, static_cast<int64_t>(call.groups.size())),
                  at::full({}, time, x.options().dtype(at::kFloat)), call.prepared, call.adapters,
                  plain ? UNetOptions() : options_.unet);
  return std::ranges::is_sorted(call.places) ? y : InPlaces(y, call.places);
}

void SdxlPredictor::SplitRows(Layout& layout) const {
  int64_t rows = 0;
  bool splits = !layout.gradient && weights_stay();
  for (const Call& call : layout.calls) {
    const at::Tensor& context = call.prepared.prompt.context;
    rows += context.size(0);
    splits = splits && cpu::Serves(context);
  }
  // Threads that take unequal shares wait for each other; below that, each layer is shared out.
  const int64_t threads = cpu::ThreadsFromHere();
  splits = splits && threads > 1 && (rows % threads == 0 || rows >= 4 * threads);
  for (Call& call : layout.calls) {
    call.parts.clear();
    const int64_t end = call.prepared.prompt.context.size(0);
    const int64_t share = (rows + threads - 1) / threads;
    for (int64_t begin = 0; splits && begin < end; begin += share) {
      const int64_t last = std::min(begin + share, end);
      call.parts.push_back({begin, last, Rows(call.prepared, begin, last)});
    }
  }
}

at::Tensor SdxlPredictor::RunParts(Layout& layout, const at::Tensor& x, double time) {
  struct Job {
    const Call* call;
    const Part* part;
    at::Tensor input, output;
  };
  std::vector<Job> jobs;
  for (const Call& call : layout.calls) {
    const at::Tensor input = ExpandRows(x, static_cast<int64_t>(call.groups.size()));
    network_rows_ += input.size(0);
    for (const Part& part : call.parts)
      jobs.push_back({&call, &part, input.narrow(0, part.begin, part.end - part.begin), {}});
  }
  const at::Tensor times = at::full({}, time, x.options().dtype(at::kFloat));
  cpu::ParallelFor(static_cast<int64_t>(jobs.size()), 1, [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;  // of each thread
    for (int64_t i = begin; i < end; ++i) {
      jobs[i].output = UNetForward(*jobs[i].call->unet, jobs[i].input, times,
                                   jobs[i].part->prepared, jobs[i].part->prepared.rows);
    }
  });
  std::vector<at::Tensor> outputs;
  auto job = jobs.begin();
  for (const Call& call : layout.calls) {
    std::vector<at::Tensor> parts;
    for (size_t i = 0; i < call.parts.size(); ++i) parts.push_back((job++)->output);
    outputs.push_back(InPlaces(at::cat(parts), call.places));
  }
  return outputs.size() == 1 ? outputs[0] : at::cat(outputs);
}

at::Tensor SdxlPredictor::operator()(const at::Tensor& x, double time,
                                     std::span<const RowGroup> rows) {
  Layout& layout = FindLayout(rows);
  if (!layout.calls[0].parts.empty()) return RunParts(layout, x, time);
  if (layout.calls.size() == 1) return Run(layout.calls[0], x, time);
  std::vector<at::Tensor> outputs;
  for (Call& call : layout.calls) outputs.push_back(Run(call, x, time));
  return at::cat(outputs);
}

}  // namespace draftp
