#include "draftp/pipeline/run_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/io/config_json.h"
#include "draftp/io/config_path.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;

class RunRecordTest : public ::testing::Test {
 protected:
  RunRecordTest() {
    config_.output_dir = AbsolutePath(folder_.path(), "/");
    config_.seed = 18446744073709551615u;
    config_.guidance_scale = 0.1;
    config_.prompt = "ein \"Würfel\"";
  }
  RunRecord Record(std::vector<std::string> files) {
    return {ConfigValuesToJson(AnnealTable().Print(config_)), config_.output_dir, device_,
            std::move(files)};
  }
  AnnealConfig ReadBack() {
    const auto loaded = LoadAnnealConfig({"--config", folder_ / "run.json"}, "/");
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? loaded->config : AnnealConfig{};
  }
  nlohmann::json Json() { return nlohmann::json::parse(testing::Contents(folder_ / "run.json")); }

  testing::TemporaryFolder folder_;
  AnnealConfig config_;
  ComputeDevice device_{.network = {at::kCPU, at::kFloat}, .name = "cpu", .notice = ""};
};

TEST_F(RunRecordTest, ItsConfigRepeatsTheRunExactly) {
  RunRecord record = Record({});
  ASSERT_TRUE(record.Write().ok());
  EXPECT_EQ(ReadBack(), config_);
  ASSERT_TRUE(record.Finish().ok());
  EXPECT_EQ(ReadBack(), config_);
}

TEST_F(RunRecordTest, TheResultHashesTheWeightsAndTellsTheTimes) {
  const std::string weights = folder_.Write("w.safetensors", "abc");
  RunRecord record = Record({weights});
  record.SetSeconds("sample", 1.5);
  record.Set("images_drawn", 8);
  ASSERT_TRUE(record.Finish().ok());
  const auto result = Json()["result"];
  EXPECT_EQ(result["weights_sha256"][weights],
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(result["seconds"]["sample"], 1.5);
  EXPECT_EQ(result["images_drawn"], 8);
  EXPECT_EQ(result["device"], "cpu");
}

TEST_F(RunRecordTest, AVanishedWeightFileIsNamed) {
  RunRecord record = Record({folder_ / "gone.safetensors"});
  EXPECT_THAT(std::string(record.Finish().message()), HasSubstr("gone.safetensors"));
}

TEST(SettingsLineTest, TellsApartWhatDecidesThePixelsAndNothingElse) {
  const AnnealConfig config;
  const std::string line = SettingsLine(config, 128, 128);
  AnnealConfig other = config;
  other.output_dir = "elsewhere";
  other.batch_size = 4;
  other.skip_existing = true;
  EXPECT_EQ(SettingsLine(other, 128, 128), line);
  other.steps = 26;
  EXPECT_NE(SettingsLine(other, 128, 128), line);
  EXPECT_NE(SettingsLine(config, 128, 136), line);
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace draftp
