// Reading a model: tokenizer and safetensors of the embedded one.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/text/clip_tokenizer.h"

namespace draftp {
namespace {

const std::string kModel = "testdata/tiny_sdxl";

void OpenTokenizer(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(ClipTokenizer::Open(kModel + "/tokenizer").ok());
}
BENCHMARK(OpenTokenizer)->Unit(benchmark::kMillisecond);

void Tokenize(benchmark::State& state) {
  const auto tokenizer = ClipTokenizer::Open(kModel + "/tokenizer");
  for (auto _ : state)
    benchmark::DoNotOptimize(tokenizer->Encode("two small green triangles on a plain background"));
}
BENCHMARK(Tokenize);

void OpenSafetensors(benchmark::State& state) {
  for (auto _ : state) {
    const auto file = SafetensorsFile::Open(kModel + "/unet/diffusion_pytorch_model.safetensors");
    benchmark::DoNotOptimize(file.ok());
  }
}
BENCHMARK(OpenSafetensors)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace draftp

BENCHMARK_MAIN();
