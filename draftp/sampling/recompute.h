// Activation recomputation ("gradient checkpointing"): a piece of the network that keeps its inputs
// alone and runs again in the backward pass.
#ifndef DRAFTP_SAMPLING_RECOMPUTE_H_
#define DRAFTP_SAMPLING_RECOMPUTE_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace draftp {

// f(inputs) with f's intermediate tensors dropped: Chen et al., "Training Deep Nets with Sublinear
// Memory Cost", 2016.
//
//   y = Recompute([&w, rows](at::TensorList in) { return Resnet(in[0], in[1], w, rows); },
//                 {x, time}, TensorsOf(w));
//
// - `f` must be a function of its inputs, of `parameters` and of constants, without random numbers,
//   since it runs twice, and must own or outlive what it captures until backward has run. It runs
//   the second time on autograd's own thread: the adapters in effect are a captured value.
// - `inputs`: all tensors with a gradient history that f reads; undefined ones are handed through.
// - `parameters`: the other tensors that f reads, those that need gradients at least. None may be
//   computed from another.
// Works under backward() as under grad(); gradients are those of f itself, bit for bit.
// Once through: no second derivatives. Where no gradient is asked for, f runs plainly.
at::Tensor Recompute(std::function<at::Tensor(at::TensorList)> f,
                     const std::vector<at::Tensor>& inputs,
                     const std::vector<at::Tensor>& parameters = {});

struct ApartOptions {
  bool recompute = true;  // false: f's intermediate tensors are kept
  // Called before f runs, and before its backward pass with what belongs to it.
  std::function<void(bool backward)> before = {};
  // More parameters of f, whose gradients don't go where autograd is asked for them, but to `take`
  // as soon as f's backward pass has ended; undefined: f doesn't read it.
  std::vector<at::Tensor> taken = {};
  std::function<void(std::vector<at::Tensor> gradients)> take = {};
};

// f(inputs) as a graph of its own, which is one node of its caller's. What is said of Recompute
// holds. `before` and `take` are called on the thread that runs f or its backward pass.
at::Tensor RunApart(std::function<at::Tensor(at::TensorList)> f,
                    const std::vector<at::Tensor>& inputs,
                    const std::vector<at::Tensor>& parameters, ApartOptions options);

// What f takes where it isn't recomputed: the same tensors, but what f's parts add to the gradient
// of an input is summed before it joins what comes from elsewhere, as Recompute does it. Sums in
// floating point depend on their order; so the gradients of both ways are the same bits.
std::vector<at::Tensor> Joined(const std::vector<at::Tensor>& inputs);

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_RECOMPUTE_H_
