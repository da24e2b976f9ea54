#include "draftp/sdxl/model_source.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/single_file_layout.h"
#include "draftp/io/json_file.h"
#include "draftp/io/test_files.h"
#include "draftp/sdxl/sdxl_model.h"

namespace draftp {
namespace {

using testing::FailsWith;
using testing::TemporaryFolder;
using Tensors = std::map<std::string, at::Tensor>;

const std::string kEmbeddedModel = "testdata/tiny_sdxl";

Tensors All(WeightMap weights) {
  Tensors tensors;
  for (const std::string& name : weights.names())
    tensors[name] = *weights.Take(name, *weights.Shape(name));
  return tensors;
}

std::string Replaced(std::string name, const std::string& from, const std::string& to) {
  const size_t at = name.find(from);
  return at == std::string::npos ? name : name.replace(at, from.size(), to);
}

// The embedded VAE's tensor by ldm's name: four levels, and 1x1 convolutions in the attention.
void AddVae(Tensors& file) {
  const Tensors vae = All(ModelSource::Open(kEmbeddedModel)->Take(ModelPart::kVae)->weights);
  for (const auto& [key, value] : vae) {
    std::string name = key;
    at::Tensor tensor = value;
    const bool projects = name.find("attentions.0.to_") != std::string::npos;
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"conv_norm_out", "norm_out"},
             {"conv_shortcut", "nin_shortcut"},
             {"mid_block.resnets.0", "mid.block_1"},
             {"mid_block.resnets.1", "mid.block_2"},
             {"mid_block.attentions.0.group_norm", "mid.attn_1.norm"},
             {"mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out"},
             {"mid_block.attentions.0.to_", "mid.attn_1."},
             {"downsamplers.0", "downsample"},
             {"upsamplers.0", "upsample"},
             {"resnets", "block"},
             {"down_blocks", "down"},
             {"up_blocks.0", "up.3"},
             {"up_blocks.1", "up.2"},
             {"up_blocks.2", "up.1"},
             {"up_blocks.3", "up.0"}}) {
      name = Replaced(name, from, to);
    }
    if (projects && name.ends_with(".weight")) tensor = tensor.unsqueeze(-1).unsqueeze(-1);
    file["first_stage_model." + name] = tensor;
  }
}

// sgm's name of the embedded UNet's tensor; three levels of two layers.
std::string SgmName(const std::string& name) {
  std::vector<std::string> words;
  for (size_t at = 0; at != std::string::npos;) {
    const size_t dot = name.find('.', at);
    words.push_back(name.substr(at, dot - at));
    at = dot == std::string::npos ? dot : dot + 1;
  }
  const auto rest = [&](size_t from) {
    std::string text;
    for (size_t i = from; i < words.size(); ++i) text += "." + words[i];
    return text;
  };
  const std::map<std::string, std::string> resnet = {
      {"norm1", ".in_layers.0"},          {"conv1", ".in_layers.2"},
      {"time_emb_proj", ".emb_layers.1"}, {"norm2", ".out_layers.0"},
      {"conv2", ".out_layers.3"},         {"conv_shortcut", ".skip_connection"}};
  const auto layer = [&](size_t kind) {
    return words[kind] == "resnets" ? ".0" + resnet.at(words[kind + 2]) + rest(kind + 3)
                                    : ".1" + rest(kind + 2);
  };
  if (words[0] == "conv_in") return "input_blocks.0.0" + rest(1);
  if (words[0] == "conv_norm_out") return "out.0" + rest(1);
  if (words[0] == "conv_out") return "out.2" + rest(1);
  if (words[0] == "time_embedding")
    return std::string("time_embed.") + (words[1] == "linear_1" ? "0" : "2") + rest(2);
  if (words[0] == "add_embedding")
    return std::string("label_emb.0.") + (words[1] == "linear_1" ? "0" : "2") + rest(2);
  if (words[0] == "mid_block") {
    if (words[1] == "attentions") return "middle_block.1" + rest(3);
    return "middle_block." + std::string(words[2] == "0" ? "0" : "2") + resnet.at(words[3]) +
           rest(4);
  }
  const int level = std::stoi(words[1]), index = std::stoi(words[3]);
  if (words[2] == "downsamplers")
    return "input_blocks." + std::to_string(3 * (level + 1)) + ".0.op" + rest(5);
  if (words[2] == "upsamplers")
    return "output_blocks." + std::to_string(3 * level + 2) + ".2.conv" + rest(5);
  const bool down = words[0] == "down_blocks";
  return (down ? "input_blocks." : "output_blocks.") +
         std::to_string((down ? 1 : 0) + 3 * level + index) + layer(2);
}

void AddUNet(Tensors& file) {
  for (const auto& [name, tensor] :
       All(ModelSource::Open(kEmbeddedModel)->Take(ModelPart::kUNet)->weights))
    file["model.diffusion_model." + SgmName(name)] = tensor;
}

void AddTextEncoders(Tensors& file) {
  auto source = ModelSource::Open(kEmbeddedModel);
  for (const auto& [name, tensor] : All(source->Take(ModelPart::kTextEncoder)->weights))
    file["conditioner.embedders.0.transformer." + name] = tensor;
  Tensors second = All(source->Take(ModelPart::kTextEncoder2)->weights);
  const std::string to = "conditioner.embedders.1.model.";
  file[to + "token_embedding.weight"] = second.at("text_model.embeddings.token_embedding.weight");
  file[to + "positional_embedding"] = second.at("text_model.embeddings.position_embedding.weight");
  file[to + "text_projection"] = second.at("text_projection.weight").t().contiguous();
  for (const std::string end : {".weight", ".bias"}) {
    file[to + "ln_final" + end] = second.at("text_model.final_layer_norm" + end);
    for (int i = 0;; ++i) {
      const std::string from = "text_model.encoder.layers." + std::to_string(i) + ".";
      const std::string block = to + "transformer.resblocks." + std::to_string(i) + ".";
      if (!second.contains(from + "layer_norm1.weight")) break;
      file[block + "ln_1" + end] = second.at(from + "layer_norm1" + end);
      file[block + "ln_2" + end] = second.at(from + "layer_norm2" + end);
      file[block + "mlp.c_fc" + end] = second.at(from + "mlp.fc1" + end);
      file[block + "mlp.c_proj" + end] = second.at(from + "mlp.fc2" + end);
      file[block + "attn.out_proj" + end] = second.at(from + "self_attn.out_proj" + end);
      file[block + "attn.in_proj_" + end.substr(1)] = at::cat(
          {second.at(from + "self_attn.q_proj" + end), second.at(from + "self_attn.k_proj" + end),
           second.at(from + "self_attn.v_proj" + end)});
    }
  }
}

// The embedded model's heads aren't 64 wide: its configs stand in the metadata.
std::map<std::string, std::string> Metadata() {
  nlohmann::json configs;
  for (const char* part : {"unet", "vae", "text_encoder", "text_encoder_2"})
    configs[part] = *ReadJsonFile(kEmbeddedModel + "/" + part + "/config.json");
  configs["scheduler"] = *ReadJsonFile(kEmbeddedModel + "/scheduler/scheduler_config.json");
  return {{SingleFileLayout::kConfigKey, configs.dump()}};
}

Tensors EmbeddedInOneFile() {
  Tensors file;
  AddUNet(file);
  AddVae(file);
  AddTextEncoders(file);
  return file;
}

PartPaths EmbeddedTokenizers() {
  return {.tokenizer = kEmbeddedModel + "/tokenizer",
          .tokenizer_2 = kEmbeddedModel + "/tokenizer_2"};
}

class ModelSourceTest : public ::testing::Test {
 protected:
  std::string Write(const Tensors& tensors,
                    const std::map<std::string, std::string>& metadata = Metadata()) {
    const std::string path = folder_.path() + "/sdxl.safetensors";
    EXPECT_TRUE(WriteSafetensors(path, tensors, metadata).ok());
    return path;
  }

  TemporaryFolder folder_;
};

void ExpectSameTensors(PartSource one, PartSource other) {
  const Tensors expected = All(std::move(other.weights));
  const Tensors got = All(std::move(one.weights));
  ASSERT_EQ(got.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(got.contains(name)) << name;
    EXPECT_TRUE(got.at(name).equal(tensor)) << name;
  }
}

TEST_F(ModelSourceTest, ASingleFileHasTheFoldersTensorsAndConfigs) {
  auto file = ModelSource::Open(Write(EmbeddedInOneFile()), EmbeddedTokenizers());
  ASSERT_TRUE(file.ok()) << file.status();
  auto folder = ModelSource::Open(kEmbeddedModel);
  for (const ModelPart part :
       {ModelPart::kUNet, ModelPart::kVae, ModelPart::kTextEncoder, ModelPart::kTextEncoder2}) {
    auto one = file->Take(part), other = folder->Take(part);
    ASSERT_TRUE(one.ok()) << one.status();
    EXPECT_EQ(one->config.object(), other->config.object());
    ExpectSameTensors(*std::move(one), *std::move(other));
  }
  EXPECT_EQ(file->Scheduler()->beta_end, folder->Scheduler()->beta_end);
}

TEST_F(ModelSourceTest, ASingleFileLoadsAsAWholeModel) {
  const std::string file = Write(EmbeddedInOneFile());
  const auto model = SdxlModel::Load({.model = file, .parts = EmbeddedTokenizers()}, {});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->unet_json["block_out_channels"][2], 128);
}

TEST_F(ModelSourceTest, AnotherVocabularyNeedsItsTokenizer) {
  const std::string file = Write(EmbeddedInOneFile());
  EXPECT_THAT(ModelSource::Open(file)->Tokenizer(true),
              FailsWith(file + ": found 738 tokens in the second text encoder, expected CLIP's "
                               "49408, or --tokenizer_2 DIR with their vocabulary"));
}

TEST_F(ModelSourceTest, APrunedFileAsksForThePartThatItLacks) {
  Tensors file;
  AddUNet(file);
  const std::string path = Write(file);
  EXPECT_THAT(ModelSource::Open(path)->Take(ModelPart::kVae),
              FailsWith(path + ": found UNet alone, expected a VAE, too, or one by --vae"));
  auto source = ModelSource::Open(path, {.vae = kEmbeddedModel});
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(source->Take(ModelPart::kVae)->where, kEmbeddedModel + "/vae");
}

TEST_F(ModelSourceTest, APartStandsInFromAFileOfAnyLayout) {
  Tensors vae;
  AddVae(vae);
  Tensors bare;  // as sdxl_vae.safetensors has them
  for (const auto& [name, tensor] : vae) bare[name.substr(name.find('.') + 1)] = tensor;
  auto expected = ModelSource::Open(kEmbeddedModel)->Take(ModelPart::kVae);
  auto got = OpenPart(ModelPart::kVae, Write(bare));
  ASSERT_TRUE(got.ok()) << got.status();
  ExpectSameTensors(*std::move(got), *std::move(expected));
  auto diffusers =
      OpenPart(ModelPart::kUNet, kEmbeddedModel + "/unet/diffusion_pytorch_model.safetensors");
  ASSERT_TRUE(diffusers.ok()) << diffusers.status();
  EXPECT_THAT(OpenPart(ModelPart::kUNet, Write(bare)),
              FailsWith("a file of a VAE, expected one with a UNet"));
}

TEST_F(ModelSourceTest, FilesOfAModelAreTheFileAndWhatStandsIn) {
  const auto roles = [](const std::vector<InputFile>& files) {
    std::vector<std::string> roles;
    for (const InputFile& file : files) roles.push_back(file.role);
    return roles;
  };
  const std::string file = Write(EmbeddedInOneFile());
  const auto of_file = roles(ModelFiles(file, {.vae = kEmbeddedModel}));
  EXPECT_EQ(of_file, (std::vector<std::string>{"model/checkpoint", "model/vae/config.json",
                                               "model/vae/diffusion_pytorch_model.safetensors"}));
}

}  // namespace
}  // namespace draftp
