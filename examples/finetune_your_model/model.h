// A small network of one's own and how it came to be: pictures of 8x8 values, half of them dark,
// half bright, and a denoiser trained on them. Nothing here knows of draftp.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

// Adam (Kingma and Ba, 2015).
class Adam {
 public:
  Adam(std::vector<at::Tensor> parameters, double rate)
      : parameters_(std::move(parameters)), rate_(rate) {
    for (const at::Tensor& p : parameters_) {
      mean_.push_back(at::zeros_like(p));
      square_.push_back(at::zeros_like(p));
    }
  }
  void Step(const std::vector<at::Tensor>& gradients) {
    const at::NoGradGuard no_grad;
    ++steps_;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      mean_[i].lerp_(gradients[i], 0.1);
      square_[i].lerp_(gradients[i].square(), 0.01);
      const at::Tensor direction = mean_[i] / (1 - std::pow(0.9, steps_)) /
                                   ((square_[i] / (1 - std::pow(0.99, steps_))).sqrt() + 1e-8);
      parameters_[i].sub_(direction * rate_);
    }
  }

 private:
  std::vector<at::Tensor> parameters_, mean_, square_;
  double rate_;
  int steps_ = 0;
};

// Two hidden layers over a picture and a number that tells its noise level.
struct Network {
  std::vector<at::Tensor> parameters;

  static Network Random(at::Generator random) {
    Network network;
    for (const auto& [in, out] : {std::pair{65, 96}, {96, 96}, {96, 64}}) {
      network.parameters.push_back((at::randn({in, out}, random) / std::sqrt(in)).requires_grad_());
      network.parameters.push_back(at::zeros({out}).requires_grad_());
    }
    return network;
  }
  Network Copy() const {
    Network copy;
    for (const at::Tensor& p : parameters)
      copy.parameters.push_back(p.detach().clone().requires_grad_());
    return copy;
  }
  // x [B,1,8,8], level [1,1,1,1] or [B,1,1,1] -> [B,1,8,8]
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& level) const {
    at::Tensor h = at::cat({x.reshape({-1, 64}), level.reshape({-1, 1}).expand({x.size(0), 1})}, 1);
    for (size_t i = 0; i < 6; i += 2) {
      h = at::matmul(h, parameters[i]) + parameters[i + 1];
      if (i < 4) h = at::silu(h);
    }
    return h.view(x.sizes());
  }
};

inline at::Tensor Pictures(int64_t n, at::Generator random) {
  const at::Tensor sign = at::randint(0, 2, {n, 1, 1, 1}, random) * 2.0 - 1.0;
  return 0.6 * sign + 0.15 * at::randn({n, 1, 8, 8}, random);
}

// Trains D on (x, level, picture) from `mix`, which noises a batch of pictures: mean squared error.
struct Noised {
  at::Tensor x, level;
};
inline Network Train(const std::function<Noised(const at::Tensor& pictures, at::Generator)>& mix,
                     const std::function<at::Tensor(const Network&, const Noised&)>& denoise) {
  at::Generator random = at::detail::createCPUGenerator(3);
  Network network = Network::Random(random);
  Adam adam(network.parameters, 3e-3);
  for (int step = 0; step < 600; ++step) {
    const at::Tensor pictures = Pictures(64, random);
    const at::Tensor loss = (denoise(network, mix(pictures, random)) - pictures).square().mean();
    adam.Step(torch::autograd::grad({loss}, network.parameters));
  }
  return network;
}
