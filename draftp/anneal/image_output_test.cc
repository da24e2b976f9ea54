#include "draftp/anneal/image_output.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace draftp {
namespace {

class ImageOutputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = ::testing::TempDir() + "/image_output_test";
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(WeightTypeDir(dir_, record_.weight_type));
  }
  std::string dir_;
  ImageRecord record_{.weight_type = "step_0.6",
                      .index = 12,
                      .rank = 3,
                      .prompt = "ein grüner Würfel, 緑の星",
                      .negative_prompt = "",
                      .seed = 1243,
                      .made_by = {{"settings", "steps=25"}}};
  RgbImage image_ = FilledImage(5, 4, 200, 100, 50);
};

TEST_F(ImageOutputTest, NamesFilesAsTheOriginalDoes) {
  EXPECT_EQ(ImagePath("out", record_), "out/annealed_outputs_sdxl_step_0.6/img_00012_03.png");
  EXPECT_EQ(PromptPath("out", record_), "out/annealed_outputs_sdxl_step_0.6/prompt_00012_03.txt");
}

TEST_F(ImageOutputTest, TellsPicturesByTheirNames) {
  const auto name = ParsePictureName("img_00012_03.png");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->index, 12);
  EXPECT_EQ(name->rank, 3);
  EXPECT_EQ(ParsePictureName("img_123456_1023.png")->rank, 1023);
  for (const char* other : {"img_00012_3.png", "img_0012_03.png", "img_000012_03.png", "img_.png",
                            "img_00012.png", "prompt_00012_03.txt", "img_-0012_03.png", "img__.png",
                            "img_00012_03.png.png", "img_00012_03_04.png", "_.png", ""}) {
    EXPECT_FALSE(ParsePictureName(other).has_value()) << other;
  }
}

TEST_F(ImageOutputTest, ListsTheRanksOfImages) {
  EXPECT_TRUE(PicturesIn(dir_ + "/absent", record_.weight_type).empty());
  for (const int rank : {3, 0}) {
    record_.rank = rank;
    ASSERT_TRUE(WriteImageFiles(dir_, record_, image_).ok());
  }
  EXPECT_EQ(PicturesIn(dir_, record_.weight_type), (RanksOfImages{{12, {0, 3}}}));
}

TEST_F(ImageOutputTest, ReadsBackWhatItWrote) {
  ASSERT_TRUE(WriteImageFiles(dir_, record_, image_).ok());
  EXPECT_EQ(ReadExistingImage(dir_, record_), image_);
  std::ifstream prompt(PromptPath(dir_, record_));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(prompt), {}), record_.prompt);
}

// Pictures of before they had this text.
TEST_F(ImageOutputTest, ParametersForOtherProgramsDoNotCount) {
  ASSERT_TRUE(WriteImageFiles(dir_, record_, image_).ok());
  record_.parameters = "a\nSteps: 25";
  EXPECT_EQ(ReadExistingImage(dir_, record_), image_);
  const auto text = record_.Text();
  EXPECT_EQ(text.back(), (PngText{"parameters", "a\nSteps: 25"}));
}

TEST_F(ImageOutputTest, APictureOfOtherSettingsDoesNotCount) {
  ASSERT_TRUE(WriteImageFiles(dir_, record_, image_).ok());
  ImageRecord other = record_;
  other.seed = 1244;
  EXPECT_EQ(ReadExistingImage(dir_, other), std::nullopt);
  other = record_;
  other.made_by[0].value = "steps=26";
  EXPECT_EQ(ReadExistingImage(dir_, other), std::nullopt);
}

TEST_F(ImageOutputTest, APictureOfAnotherVersionCounts) {
  ASSERT_TRUE(WriteImageFiles(dir_, record_, image_).ok());
  std::vector<PngText> text = record_.Text();
  ASSERT_EQ(text[0].key, "Software");
  text[0].value = "draftp 0.0.1";
  ASSERT_TRUE(WritePng(ImagePath(dir_, record_), image_, text).ok());
  EXPECT_EQ(ReadExistingImage(dir_, record_), image_);
}

TEST_F(ImageOutputTest, ATruncatedPictureDoesNotCount) {
  ASSERT_TRUE(WriteImageFiles(dir_, record_, image_).ok());
  std::filesystem::resize_file(ImagePath(dir_, record_),
                               std::filesystem::file_size(ImagePath(dir_, record_)) - 20);
  EXPECT_EQ(ReadExistingImage(dir_, record_), std::nullopt);
}

TEST_F(ImageOutputTest, AnAbsentFolderIsAnErrorThatNamesTheFile) {
  const absl::Status status = WriteImageFiles(dir_ + "/nowhere", record_, image_);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(std::string(status.message()).find("nowhere/annealed_outputs_sdxl_step_0.6"),
            std::string::npos);
}

}  // namespace
}  // namespace draftp
