// The adapters that a forward call uses when nothing else is said, and the guard that changes them
// for a scope.
#ifndef DRAFTP_ADAPTER_ADAPTER_GUARD_H_
#define DRAFTP_ADAPTER_ADAPTER_GUARD_H_

#include <concepts>
#include <utility>

#include "draftp/adapter/adapter_rows.h"

namespace draftp {

// A place that holds the rows in effect. `Exchange` sets them and returns those that were there; it
// must not throw, for guards restore from destructors.
template <class S>
concept SwitchesAdapters = requires(S& s, AdapterRows rows) {
  { s.Exchange(std::move(rows)) } noexcept -> std::same_as<AdapterRows>;
};

// What a predictor consults once, at the start of a forward call; from there on the rows travel as
// a value. For one thread: a predictor and its guards belong to the thread that samples or trains.
class AdapterSwitch {
 public:
  AdapterSwitch() = default;
  explicit AdapterSwitch(AdapterRows rows) : rows_(std::move(rows)) {}

  const AdapterRows& rows() const { return rows_; }
  AdapterRows Exchange(AdapterRows rows) noexcept { return std::exchange(rows_, std::move(rows)); }

 private:
  AdapterRows rows_;
};

static_assert(SwitchesAdapters<AdapterSwitch>, "guards act on an AdapterSwitch");

// Puts other rows into a switch until the end of the scope, however it is left, and then the former
// ones back. The switch must outlive the guard. Guards nest: the last one made ends first.
//
// Note [A guard stays where it was made]: as in c10's InlineDeviceGuard there is no default, copy
// or move. A moved guard could end in another order than it was made in, and would then restore a
// state that nobody had.
template <SwitchesAdapters S>
class InlineAdapterGuard {
 public:
  // No adapter in the scope: the base model.
  explicit InlineAdapterGuard(S& adapters) : InlineAdapterGuard(adapters, AdapterRows{}) {}
  InlineAdapterGuard(S& adapters, AdapterRows rows)
      : switch_(adapters), former_(adapters.Exchange(std::move(rows))) {}
  ~InlineAdapterGuard() { switch_.Exchange(std::move(former_)); }

  InlineAdapterGuard(const InlineAdapterGuard&) = delete;  // Note [A guard stays where it was made]
  InlineAdapterGuard& operator=(const InlineAdapterGuard&) = delete;
  InlineAdapterGuard(InlineAdapterGuard&&) = delete;  // Note [A guard stays where it was made]
  InlineAdapterGuard& operator=(InlineAdapterGuard&&) = delete;

 private:
  S& switch_;
  AdapterRows former_;
};

// The base model's prediction inside a training step:
//   { AdapterGuard base(adapters); reference = predict(x, time, adapters.rows()); }
using AdapterGuard = InlineAdapterGuard<AdapterSwitch>;

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_ADAPTER_GUARD_H_
