#include "draftp/evaluate/picture_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "draftp/io/file_hash.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::TemporaryFolder;

std::string Picture(const TemporaryFolder& folder, const std::string& name,
                    const std::vector<PngText>& text = {}) {
  const std::string path = folder / name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  EXPECT_TRUE(WritePng(path, FilledImage(8, 8, 1, 2, 3), text).ok());
  return path;
}

TEST(PictureFolderTest, ReadsThePromptAndTheSeedOfThisProjectsPictures) {
  TemporaryFolder folder;
  const auto picture = ReadCaptionedPicture(
      Picture(folder, "img_00000_00.png", {{"prompt", "a red circle"}, {"seed", "7"}}));
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_EQ(picture->caption, "a red circle");
  EXPECT_EQ(picture->noise, "seed 7");
  EXPECT_EQ(picture->image, FilledImage(8, 8, 1, 2, 3));
  EXPECT_EQ(picture->sha256, Sha256OfText(testing::Contents(folder / "img_00000_00.png")));
}

TEST(PictureFolderTest, ReadsWhatTheWebUisWrite) {
  TemporaryFolder folder;
  EXPECT_EQ(
      ReadCaptionedPicture(
          Picture(folder, "a.png",
                  {{"parameters", "a dog\nin snow\nNegative prompt: cat\nSteps: 20, Seed: 1"}}))
          ->caption,
      "a dog\nin snow");
  EXPECT_EQ(
      ReadCaptionedPicture(Picture(folder, "b.png", {{"parameters", "a dog\nSteps: 20"}}))->caption,
      "a dog");
  EXPECT_EQ(ReadCaptionedPicture(Picture(folder, "c.png", {{"parameters", "Steps: 20"}}))->caption,
            "");
}

TEST(PictureFolderTest, ReadsTheFileBeside) {
  TemporaryFolder folder;
  folder.Write("a.txt", "a cat\n");
  folder.Write("b.caption", "a bird");
  folder.Write("prompt_00004_01.txt", "a fish");
  folder.Write("graph.txt", "a tree");
  EXPECT_EQ(ReadCaptionedPicture(Picture(folder, "a.png"))->caption, "a cat");
  EXPECT_EQ(ReadCaptionedPicture(Picture(folder, "b.png"))->caption, "a bird");
  EXPECT_EQ(ReadCaptionedPicture(Picture(folder, "img_00004_01.png"))->caption, "a fish");
  // ComfyUI's graph isn't a caption.
  EXPECT_EQ(
      ReadCaptionedPicture(Picture(folder, "graph.png", {{"prompt", "{\"3\": {}}"}}))->caption,
      "a tree");
  EXPECT_EQ(ReadCaptionedPicture(folder / "a.png")->noise, "name a");
}

TEST(PictureFolderTest, MistakesNameThePicture) {
  TemporaryFolder folder;
  EXPECT_THAT(ReadCaptionedPicture(Picture(folder, "x.png")),
              FailsWith("x.png: found no caption, expected it in the PNG's text"));
  folder.Write("broken.png", "\x89PNG\r\n\x1a\n and no more");
  EXPECT_THAT(ReadCaptionedPicture(folder / "broken.png"), FailsWith("broken.png"));
  Picture(folder, "y.png");
  folder.Write("y.txt", "\xff\xfe");
  EXPECT_THAT(ReadCaptionedPicture(folder / "y.png"), FailsWith("y.txt: found bytes"));
}

TEST(PictureFolderTest, AFolderIsAPointOrHoldsSome) {
  TemporaryFolder folder;
  Picture(folder, "drawn/annealed_outputs_sdxl_linear/img_00000_00.png");
  Picture(folder, "drawn/annealed_outputs_sdxl_base/img_00000_00.png");
  Picture(folder, "drawn/.hidden/x.png");
  Picture(folder, "drawn/overview.png");
  std::filesystem::create_directories(folder / "drawn/empty");
  const auto both = FindPictureFolders(folder / "drawn");
  ASSERT_TRUE(both.ok()) << both.status();
  ASSERT_EQ(both->size(), 2u);
  EXPECT_EQ((*both)[0].name, "base");
  EXPECT_EQ((*both)[1].name, "linear");
  EXPECT_EQ(FindPictureFolders(folder / "drawn:mine")->back().name, "mine/linear");
  const auto one = FindPictureFolders(folder / "drawn/annealed_outputs_sdxl_linear");
  EXPECT_EQ(one->front().name, "linear");
  EXPECT_EQ(FindPictureFolders(folder / "drawn/annealed_outputs_sdxl_linear:A")->front().name, "A");
}

TEST(PictureFolderTest, AFolderWithoutPicturesIsNamed) {
  TemporaryFolder folder;
  EXPECT_THAT(FindPictureFolders(folder.path()), FailsWith("--pictures: found no PNG files in "));
  EXPECT_THAT(FindPictureFolders(folder / "absent"), FailsWith("absent"));
}

TEST(PictureFolderTest, FilesAreInByteOrder) {
  TemporaryFolder folder;
  for (const char* name : {"b.png", "a.PNG", "c.txt", ".d.png"}) Picture(folder, name);
  EXPECT_THAT(*PictureFilesIn(folder.path()), ElementsAre(folder / "a.PNG", folder / "b.png"));
}

}  // namespace
}  // namespace draftp
