// Which fonts are found, and in which order.
#include "draftp/report/system_fonts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::TemporaryFolder;

TEST(FindFontsTest, TakesKnownOnesTheBestFirst) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "opentype/noto");
  std::filesystem::create_directories(folder / "NotoSansCJK-Folder.ttc");
  for (const char* name :
       {"wqy-zenhei.ttc", "opentype/noto/NotoSansCJK-Bold.ttc", "DejaVuSans.ttf",
        "opentype/noto/NotoSansCJK-Regular.ttc", "NotoSansCJK-Regular.txt", "unifont.otf"})
    folder.Write(name, "");
  EXPECT_THAT(
      FindFonts({folder / "gone", folder.path()}),
      ElementsAre(folder / "opentype/noto/NotoSansCJK-Regular.ttc", folder / "wqy-zenhei.ttc",
                  folder / "unifont.otf", folder / "opentype/noto/NotoSansCJK-Bold.ttc"));
}

TEST(FindFontsTest, AreFew) {
  const TemporaryFolder folder;
  for (int i = 0; i < 100; ++i) folder.Write("NotoSans" + std::to_string(i) + ".ttf", "");
  EXPECT_THAT(FindFonts({folder.path()}), SizeIs(40));
  EXPECT_THAT(FindFonts({}), IsEmpty());
}

TEST(FindFontsTest, LinksInACircleEnd) {
  const TemporaryFolder folder;
  std::filesystem::create_directory_symlink(folder.path(), folder / "again");
  folder.Write("unifont.otf", "");
  EXPECT_THAT(FindFonts({folder.path()}), SizeIs(1));
}

}  // namespace
}  // namespace draftp
