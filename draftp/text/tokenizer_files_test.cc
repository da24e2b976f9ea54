// Texts and files are read alike, under the same limits and with the same errors.
#include "draftp/text/tokenizer_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "draftp/testing/text_files.h"

namespace draftp {
namespace {

using testing::ExpectError;
using testing::TestFolder;

TEST(TokenizerFilesTest, GivesFilesAndTextsAlike) {
  const TestFolder folder;
  folder.Write("a.json", "[1]");
  const auto files = TokenizerFiles::Folder(folder.path()),
             texts = TokenizerFiles::Texts("w.safetensors", {{"a.json", "[1]"}});
  for (const TokenizerFiles& one : {files, texts}) {
    EXPECT_TRUE(one.Has("a.json"));
    EXPECT_FALSE(one.Has("b.json"));
    EXPECT_EQ(one.Read("a.json", 3).value(), "[1]");
    EXPECT_EQ(one.ReadJson("a.json").value(), nlohmann::json::array({1}));
    ExpectError(one.Read("a.json", 2).status(), one.Path("a.json"), "found more than 2 bytes",
                "expected");
    ExpectError(one.Read("b.json", 2).status(), one.Path("b.json"));
    ExpectError(one.ReadConfig("a.json").status(), one.Path("a.json"), "found [1]",
                "expected a JSON object");
    EXPECT_TRUE(one.ReadConfig("b.json").ok());
  }
  EXPECT_EQ(files.Path("a.json"), folder.path() + "/a.json");
  EXPECT_EQ(texts.Path("a.json"), "w.safetensors/a.json");
}

TEST(TokenizerFilesTest, BrokenJsonIsAnErrorThatNamesTheText) {
  const auto texts = TokenizerFiles::Texts("w.safetensors: tokenizer", {{"a.json", "{"}});
  ExpectError(texts.ReadJson("a.json").status(),
              "w.safetensors: tokenizer/a.json: isn't valid JSON");
  ExpectError(texts.ReadConfig("a.json").status(), "w.safetensors: tokenizer/a.json");
}

TEST(TokenizerFilesTest, ALinkThatLeadsNowhereIsThere) {
  const TestFolder folder;
  std::filesystem::create_symlink("/nowhere/at/all", folder.path() + "/a.json");
  const auto files = TokenizerFiles::Folder(folder.path());
  EXPECT_TRUE(files.Has("a.json"));
  ExpectError(files.ReadConfig("a.json").status(), folder.path() + "/a.json");
}

}  // namespace
}  // namespace draftp
