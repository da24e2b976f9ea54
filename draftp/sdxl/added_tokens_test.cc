// Tokens that were added to a model's vocabulary are loaded with their rows of the embedding.
#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/test_files.h"
#include "draftp/sdxl/sdxl_model.h"

namespace draftp {
namespace {

// The tiny model with a token "<x>" behind both vocabularies, in the form of older configs, whose
// eos_token_id is 2: there the greatest id of a caption is pooled.
class ModelWithAddedToken {
 public:
  ModelWithAddedToken() {
    std::filesystem::copy(
        std::filesystem::canonical("testdata/tiny_sdxl"), path(),
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    for (const std::string which : {"", "_2"}) {
      Write("tokenizer" + which + "/added_tokens.json", R"({"<x>": 738})");
      const std::string config = "text_encoder" + which + "/config.json";
      std::ifstream in(path() + "/" + config);
      nlohmann::json json = nlohmann::json::parse(in);
      json["vocab_size"] = 739;
      json["eos_token_id"] = 2;
      Write(config, json.dump());
      AddRow(path() + "/text_encoder" + which + "/model.safetensors");
    }
  }
  std::string path() const { return folder_ / "model"; }

 private:
  void Write(const std::string& file, const std::string& text) const {
    std::filesystem::remove(path() + "/" + file);
    std::ofstream(path() + "/" + file) << text;
  }
  static void AddRow(const std::string& file) {
    const auto weights = SafetensorsFile::Open(file);
    ASSERT_TRUE(weights.ok()) << weights.status();
    std::map<std::string, at::Tensor> tensors;
    for (const std::string& name : (*weights)->names()) {
      tensors[name] = (*weights)->Tensor(name)->clone();
      if (name.ends_with("token_embedding.weight"))
        tensors[name] = at::cat({tensors[name], tensors[name].slice(0, 0, 1)});
    }
    std::filesystem::remove(file);
    ASSERT_TRUE(WriteSafetensors(file, tensors, (*weights)->metadata()).ok());
  }
  testing::TemporaryFolder folder_;
};

TEST(AddedTokens, ComeWithTheirRowsAlsoWhereTheGreatestIdIsPooled) {
  const ModelWithAddedToken folder;
  const auto model = SdxlModel::Load({.model = folder.path()}, *ChooseDevice("cpu", "float32"));
  ASSERT_TRUE(model.ok()) << model.status();
  for (const ClipTokenizer* tokenizer : {&model->tokenizer, &model->tokenizer_2})
    EXPECT_EQ(tokenizer->Encode("<x>").ids[1], 738);
}

}  // namespace
}  // namespace draftp
