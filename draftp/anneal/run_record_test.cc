#include "draftp/run/run_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/anneal/anneal_config.h"
#include "draftp/config/config_json.h"
#include "draftp/config/config_path.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class RunRecordTest : public ::testing::Test {
 protected:
  RunRecordTest() {
    config_.output_dir = AbsolutePath(folder_.path(), "/");
    config_.seed = 18446744073709551615u;
    config_.sampling.guidance_scale = 0.1;
    config_.prompt = {"ein \"Würfel\""};
  }
  RunRecord Record() {
    return {"anneal", ConfigValuesToJson(AnnealTable().Print(config_)), config_.output_dir,
            device_};
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
  RunRecord record = Record();
  ASSERT_TRUE(record.Write().ok());
  EXPECT_EQ(ReadBack(), config_);
  ASSERT_TRUE(record.Finish().ok());
  EXPECT_EQ(ReadBack(), config_);
}

TEST_F(RunRecordTest, TellsProgramDateCommandIdentityAndTimes) {
  RunRecord record = Record();
  record.SetIdentity({.settings = {{"steps", "25"}}, .inputs = {{"prompts", "ab"}}});
  record.SetSeconds("sample", 1.5);
  record.Set("images_drawn", 8);
  ASSERT_TRUE(record.Finish().ok());
  const auto json = Json();
  EXPECT_EQ(json["program"], "anneal");
  EXPECT_THAT(json["date"].get<std::string>(), MatchesRegex("20..-..-..T..:..:..[+-]..:.."));
  EXPECT_THAT(json["command"][0].get<std::string>(), HasSubstr("anneal_test"));
  EXPECT_EQ(json["identity"]["settings"]["steps"], "25");
  EXPECT_EQ(json["result"]["seconds"]["sample"], 1.5);
  EXPECT_EQ(json["result"]["images_drawn"], 8);
  EXPECT_EQ(json["result"]["device"], "cpu");
}

TEST_F(RunRecordTest, HasNoResultBeforeTheEnd) {
  ASSERT_TRUE(Record().Write().ok());
  EXPECT_FALSE(Json().contains("result"));
}

}  // namespace
}  // namespace draftp
