// What report.html says of a run, whatever its logs hold.
#include "draftp/train/training_report.h"

#include <absl/strings/str_format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::Contents;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryFolder;

constexpr char kLog[] =
    "{\"step\":1,\"reward\":30,\"kl\":0,\"seconds\":2,\"rewards\":{\"a\":1,\"b\":2}}\n"
    "{\"step\":2,\"reward\":31,\"kl\":0.5,\"seconds\":2,\"rewards\":{\"a\":1.5,\"b\":2}}\n";
constexpr char kValidation[] =
    "{\"step\":0,\"tuned\":{\"reward\":30,\"held_out\":null,\"diversity\":null},"
    "\"base\":{\"reward\":30,\"held_out\":null,\"diversity\":null}}\n"
    "{\"step\":2,\"tuned\":{\"reward\":31.25,\"held_out\":5.5,\"diversity\":null},"
    "\"base\":{\"reward\":30,\"held_out\":5,\"diversity\":null}}\n";

class TrainingReportTest : public ::testing::Test {
 protected:
  TrainingReportTest() {
    config_.output_dir = folder_ / "my_run";
    config_.model = "/models/sdxl-base/";
    config_.reward = {"/models/PickScore_v1:2"};
    std::filesystem::create_directories(config_.output_dir + "/validation");
  }
  void Write(const std::string& log, const std::string& validation) {
    folder_.Write("my_run/log.jsonl", log);
    folder_.Write("my_run/validation.jsonl", validation);
  }
  std::string Html(const RunStatus& status) {
    EXPECT_EQ(WriteTrainingReport(config_, status), absl::OkStatus());
    return Contents(config_.output_dir + "/report.html");
  }

  TemporaryFolder folder_;
  TrainConfig config_;
};

TEST(DescribeStatusTest, SaysWhereTheRunStands) {
  EXPECT_EQ(DescribeStatus({.step = 40, .max_steps = 64}), "step 40 of 64, running");
  EXPECT_EQ(DescribeStatus({.step = 64, .max_steps = 64}), "finished: 64 steps");
  EXPECT_EQ(DescribeStatus({.step = 40, .max_steps = 64, .ended = "SIGTERM"}),
            "stopped at step 40 of 64 by SIGTERM");
  EXPECT_EQ(DescribeStatus({.step = 64, .max_steps = 64, .ended = "an alarm: x"}),
            "stopped at step 64 of 64 by an alarm: x");
}

TEST_F(TrainingReportTest, SaysWhichRunItIsAndHowItWent) {
  Write(kLog, kValidation);
  const std::string html = Html({.step = 2,
                                 .max_steps = 4,
                                 .best_step = 2,
                                 .best_reward = 31.25,
                                 .changes = {"after step 1: --lr was 1e-3, is 2e-3"},
                                 .trained = "LoRA of rank 8",
                                 .device = "NVIDIA H100",
                                 .seconds = 75,
                                 .memory_mib = 2048});
  for (const char* text :
       {"<title>my_run: sdxl-base</title>", "Step 2 of 4, running. draft_k on PickScore_v1",
        "trains LoRA of rank 8, on NVIDIA H100",
        "<dt>Validation reward</dt><dd>31.25<small>base 30</small>",
        "<dt>Held-out reward</dt><dd>5.5<small>base 5</small>",
        "<dt>Best step</dt><dd>2<small>reward 31.25</small>", "<dt>Duration</dt><dd>1:15",
        "<dt>Speed</dt><dd>2 images/s<small>2 s a step</small>",
        "<dt>Memory</dt><dd>2.0 GiB<small>NVIDIA H100</small>", "<dt>Written</dt><dd>20",
        "<li>after step 1: --lr was 1e-3, is 2e-3</li>", "<path class=\"mark\"",
        ">Reward: a</span>", ">Reward: b</span>", ">Held-out reward</span>",
        "<th scope=\"row\">height</th><td>the model&#39;s</td>"}) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  EXPECT_THAT(html, Not(HasSubstr("iversity")));  // it has no value
  EXPECT_THAT(html, Not(HasSubstr("nan")));
}

TEST_F(TrainingReportTest, OneRewardHasOneCurve) {
  Write("{\"step\":1,\"reward\":30,\"rewards\":{\"a\":30}}\n", "");
  EXPECT_THAT(Html({}), Not(HasSubstr("Reward: a")));
}

TEST_F(TrainingReportTest, ShowsTheLastSheetAndTheBest) {
  const std::string png = Contents("testdata/goldens/png_rgb.png");
  for (const char* name : {"step_00000000.png", "step_00000001.png", "step_00000002.png"})
    folder_.Write("my_run/validation/" + std::string(name), png);
  Write(kLog, kValidation);
  const std::string other = Html({.step = 2, .max_steps = 2, .best_step = 1, .best_reward = 32});
  EXPECT_THAT(other, HasSubstr("After 2 steps: the fine-tuned"));
  EXPECT_THAT(other, HasSubstr("After 1 step, the best: the fine-tuned"));
  EXPECT_THAT(other, Not(HasSubstr("After 0 steps")));
  const std::string same = Html({.step = 2, .max_steps = 2, .best_step = 2, .best_reward = 32});
  EXPECT_THAT(same, HasSubstr("After 2 steps, the best: the fine-tuned"));
  EXPECT_THAT(same, Not(HasSubstr("After 1 step")));
}

TEST_F(TrainingReportTest, SheetsOverStepsAreAStripOfLinks) {
  const std::string png = Contents("testdata/goldens/png_rgb.png");
  std::string validation;
  for (int step = 0; step <= 300; step += 10) {
    folder_.Write(absl::StrFormat("my_run/validation/step_%08d.png", step), png);
    validation += absl::StrFormat("{\"step\":%d,\"tuned\":{},\"base\":{}}\n", step);
  }
  folder_.Write("my_run/validation/step_00000300.png", png.substr(0, 40));
  Write(kLog, validation);
  const std::string html = Html({.step = 300, .max_steps = 300});
  EXPECT_THAT(html, HasSubstr("<li><a href=\"./validation/step_00000000.png\"><img alt=\"\" "
                              "src=\"data:image/jpeg;base64,/9j/"));
  EXPECT_THAT(html, HasSubstr(">step 280</a>"));
  EXPECT_THAT(html, Not(HasSubstr(">step 300</a>")));  // damaged
  size_t links = 0;
  for (size_t at = html.find("<li><a"); at != std::string::npos; at = html.find("<li><a", at + 1))
    ++links;
  EXPECT_EQ(links, 15u);  // of 31
}

TEST_F(TrainingReportTest, DamagedLogsEndInAWarning) {
  Write(std::string("text of mine\n") + kLog + "{\"step\":3,", "{\"step\":2}\n[]\n");
  const std::string html = Html({.step = 2, .max_steps = 2});
  EXPECT_THAT(html, HasSubstr("/log.jsonl: line 1: isn&#39;t valid JSON"));
  EXPECT_THAT(html, HasSubstr("; it and 1 more line are passed over"));
  EXPECT_THAT(html, HasSubstr("/validation.jsonl: line 2: found"));
  EXPECT_THAT(html, HasSubstr(">Reward</span><span class=\"last\">31<"));
  EXPECT_THAT(html, Not(HasSubstr("nan")));
}

TEST_F(TrainingReportTest, ARunWithoutLogsHasAReport) {
  const std::string html = Html({.step = 0, .max_steps = 64, .ended = "SIGTERM"});
  EXPECT_THAT(html, HasSubstr("Stopped at step 0 of 64 by SIGTERM."));
  EXPECT_THAT(html, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace draftp
