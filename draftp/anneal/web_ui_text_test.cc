// The text as AUTOMATIC1111's WebUI and Civitai parse it, whose rules are written anew here.
#include "draftp/anneal/web_ui_text.h"

#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/file_hash.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

struct Parsed1111 {
  std::string prompt, negative;
  std::map<std::string, std::string> values;
};

// modules/infotext_utils.py: parse_generation_parameters.
Parsed1111 ParseAs1111(const std::string& text) {
  static const std::regex entry(R"re(\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$))re");
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  const std::string last = lines.back();
  lines.pop_back();
  const std::sregex_iterator begin(last.begin(), last.end(), entry), end;
  EXPECT_GE(std::distance(begin, end), 3) << last;
  Parsed1111 parsed;
  std::string* into = &parsed.prompt;
  for (std::string line : lines) {
    if (line.starts_with("Negative prompt:")) {
      into = &parsed.negative;
      line = line.substr(16);
      line.erase(0, line.find_first_not_of(' '));
    }
    *into += (into->empty() ? "" : "\n") + line;
  }
  for (auto match = begin; match != end; ++match) {
    const std::string value = (*match)[2];
    const bool quoted = value.size() > 1 && value.front() == '"' && value.back() == '"';
    parsed.values[(*match)[1]] = quoted ? nlohmann::json::parse(value).get<std::string>() : value;
  }
  return parsed;
}

// The line that Civitai's automatic.metadata.ts takes.
std::string DetailsOfCivitai(const std::string& text) {
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("Steps: ")) return line;
  }
  return "";
}

class WebUiTextTest : public ::testing::Test {
 protected:
  std::string Text() const { return WebUiText(record_, sampling_, {768, 512}, models_); }
  ImageRecord record_{.weight_type = "power_2", .prompt = "a cat, red", .seed = 7};
  SamplingConfig sampling_;
  WebUiModels models_{.model = "sdxl", .loras = {{"run", "0123456789ab"}}};
};

TEST_F(WebUiTextTest, IsReadByThem) {
  record_.negative_prompt = "blurry: very, \"bad\"";
  const Parsed1111 parsed = ParseAs1111(Text());
  EXPECT_EQ(parsed.prompt, record_.prompt);
  EXPECT_EQ(parsed.negative, record_.negative_prompt);
  EXPECT_EQ(parsed.values, (std::map<std::string, std::string>{{"Steps", "25"},
                                                               {"Sampler", "Euler"},
                                                               {"Schedule type", "SGM Uniform"},
                                                               {"CFG scale", "5"},
                                                               {"Seed", "7"},
                                                               {"Size", "512x768"},
                                                               {"Model", "sdxl"},
                                                               {"Lora hashes", "run: 0123456789ab"},
                                                               {"Blend", "power_2"},
                                                               {"Version", "draftp 0.2.0"}}));
  EXPECT_EQ(ParseAs1111(DetailsOfCivitai(Text())).values, parsed.values);
}

TEST_F(WebUiTextTest, SaysNothingThatIsNotSo) {
  sampling_.guidance_scale = 0;
  sampling_.discretization = "edm";
  models_ = {.model = "sdxl", .model_hash = "31e35c80fc", .tuned = "mine"};
  auto values = ParseAs1111(Text()).values;
  EXPECT_EQ(values["CFG scale"], "1");
  EXPECT_EQ(values["Model hash"], "31e35c80fc");
  EXPECT_EQ(values["Tuned model"], "mine");
  EXPECT_FALSE(values.contains("Schedule type"));
  EXPECT_FALSE(values.contains("Lora hashes"));
  sampling_.rho = 7;
  EXPECT_EQ(ParseAs1111(Text()).values["Schedule type"], "Karras");
}

TEST_F(WebUiTextTest, CallsSamplersByTheirNamesThere) {
  for (const auto& [sampler, name] : {std::pair("euler_ancestral", "Euler a"),
                                      {"heun", "Heun"},
                                      {"dpmpp_2m", "DPM++ 2M"},
                                      {"dpmpp_2s", "DPM++ 2S a"},
                                      {"lms", "LMS"},
                                      {"lcm", "LCM"},
                                      {"tcd", "TCD"}}) {
    sampling_.sampler = sampler;
    EXPECT_EQ(ParseAs1111(Text()).values["Sampler"], name);
  }
}

TEST_F(WebUiTextTest, QuotesWhatWouldEndAValue) {
  record_.weight_type = "piecewise(0:0,0.5:1)";
  models_.model = "a, \"b\"";
  auto values = ParseAs1111(Text()).values;
  EXPECT_EQ(values["Blend"], record_.weight_type);
  EXPECT_EQ(values["Model"], models_.model);
  EXPECT_EQ(values["Version"], "draftp 0.2.0");
}

TEST_F(WebUiTextTest, HasNoEmptyLineForAnEmptyPrompt) {
  record_.prompt = "";
  EXPECT_THAT(Text(), ::testing::StartsWith("Steps: 25, "));
  record_.negative_prompt = "b";
  EXPECT_THAT(Text(), ::testing::StartsWith("Negative prompt: b\nSteps: 25, "));
}

TEST(WebUiModelsTest, TellsWhatIsEvaluated) {
  AnnealConfig config;
  config.model = "/models/sdxl/";
  config.lora = {"/runs/mine.safetensors:0.7", "/runs/b"};
  const std::vector<WebUiLora> loras = {{"mine", "abc"}, {"b", "def"}};
  RunIdentity used;
  used.inputs = {{"model/unet/a", std::string(64, '1')}};
  WebUiModels models = WebUiModelsOf(config, used, loras);
  EXPECT_EQ(models.model, "sdxl");
  EXPECT_EQ(models.model_hash + models.tuned, "");
  EXPECT_TRUE(models.loras.empty());
  used.inputs["fine-tuned/lora"] = std::string(64, '2');
  models = WebUiModelsOf(config, used, loras);
  EXPECT_EQ(models.loras, loras);
  EXPECT_THAT(WebUiLorasOf(config),
              ::testing::ElementsAre(WebUiLora{"mine", ""}, WebUiLora{"b", ""}));
  config.lora.clear();
  config.tuned = "/runs/full";
  EXPECT_EQ(WebUiModelsOf(config, used, {}).tuned, "full");
}

TEST(WebUiModelsTest, HashesAModelOfOneFile) {
  const testing::TemporaryFolder folder;
  AnnealConfig config;
  config.model = folder.Write("xl.safetensors", "x");
  RunIdentity used;
  used.inputs = {{"model/file", "31e35c80fc4829d14f90153f4c74cd59"}};
  const WebUiModels models = WebUiModelsOf(config, used, {});
  EXPECT_EQ(models.model, "xl");
  EXPECT_EQ(models.model_hash, "31e35c80fc");
}

TEST(WebUiLoraHashTest, IsTheMetadatasOrOfWhatFollowsTheHeader) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "a.safetensors";
  const std::map<std::string, at::Tensor> tensors = {{"x", at::ones({2})}};
  ASSERT_TRUE(WriteSafetensors(path, tensors).ok());
  const std::string data("\0\0\x80\x3f\0\0\x80\x3f", 8);  // two float32 ones
  EXPECT_EQ(WebUiLoraHash(path), Sha256OfText(data).substr(0, 12));
  ASSERT_TRUE(WriteSafetensors(path, tensors, {{"sshs_model_hash", std::string(64, 'e')}}).ok());
  EXPECT_EQ(WebUiLoraHash(path), "eeeeeeeeeeee");
  EXPECT_EQ(WebUiLoraHash(folder / "none"), "");
}

}  // namespace
}  // namespace draftp
