// The JSON behind the goldens.
#include "draftp/sampling/golden.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "draftp/schedule/ddpm_table.h"

namespace draftp::testing {
namespace {

const nlohmann::json& File() {
  static const nlohmann::json* const file = [] {
    std::ifstream stream("testdata/goldens/samplers.json");
    TORCH_CHECK(stream.good(), "testdata/goldens/samplers.json is not there");
    return new nlohmann::json(nlohmann::json::parse(stream));
  }();
  return *file;
}

const nlohmann::json& At(const std::string& pointer) {
  return File().at(nlohmann::json::json_pointer(pointer));
}

at::Tensor ToTensor(const nlohmann::json& values, at::IntArrayRef sizes) {
  return at::tensor(values.get<std::vector<double>>(), at::kDouble).view(sizes);
}

SamplerOptions ToOptions(const nlohmann::json& values) {
  SamplerOptions options;
  for (const auto& [name, value] : values.items()) {
    if (name == "s_churn") {
      options.s_churn = value;
    } else if (name == "s_tmin") {
      options.s_tmin = value;
    } else if (name == "s_tmax") {
      options.s_tmax = value;
    } else if (name == "s_noise") {
      options.s_noise = value;
    } else if (name == "eta") {
      options.eta = value;
    } else if (name == "gamma") {
      options.gamma = value;
    } else {
      TORCH_CHECK(name == "order", "option ", name);
      options.order = value;
    }
  }
  return options;
}

}  // namespace

at::Tensor GoldenTensor(const std::string& pointer, at::IntArrayRef sizes) {
  return ToTensor(At(pointer), sizes);
}

double GoldenNumber(const std::string& pointer) { return At(pointer).get<double>(); }

std::vector<GoldenRun> GoldenRuns() {
  const nlohmann::json& all = At("/k_diffusion");
  const auto sizes = all.at("shape").get<std::vector<int64_t>>();
  const auto sigmas = all.at("sigmas").get<std::vector<double>>();
  std::vector<GoldenRun> runs;
  for (const nlohmann::json& run : all.at("cases")) {
    std::vector<at::Tensor> noise;
    for (const nlohmann::json& draw : run.at("noise")) noise.push_back(ToTensor(draw, sizes));
    runs.push_back({run.at("sampler"), ToOptions(run.at("options")), sigmas,
                    ToTensor(all.at("x"), sizes), std::move(noise),
                    ToTensor(run.at("final"), sizes)});
  }
  return runs;
}

std::vector<GoldenRun> FewStepRuns() {
  std::ifstream stream("testdata/goldens/few_step.json");
  TORCH_CHECK(stream.good(), "testdata/goldens/few_step.json is not there");
  const auto all = nlohmann::json::parse(stream);
  const auto sizes = all.at("shape").get<std::vector<int64_t>>();
  std::vector<GoldenRun> runs;
  for (const nlohmann::json& run : all.at("cases")) {
    const auto sigmas = DdpmTable::Standard().SigmasAt(run.at("times").get<std::vector<int>>());
    std::vector<at::Tensor> noise;
    for (const nlohmann::json& draw : run.at("noise")) noise.push_back(ToTensor(draw, sizes));
    const at::Tensor x =
        ToTensor(run.at("start"), sizes) * std::sqrt(sigmas.front() * sigmas.front() + 1);
    runs.push_back({run.at("sampler"), ToOptions(run.at("options")), sigmas, x, std::move(noise),
                    ToTensor(run.at("final"), sizes)});
  }
  return runs;
}

}  // namespace draftp::testing
