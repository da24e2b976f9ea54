#include "draftp/io/last_name.h"

#include <gtest/gtest.h>

namespace draftp {
namespace {

TEST(LastNameTest, IsTheSameWithAndWithoutASlash) {
  for (const char* path :
       {"sdxl", "sdxl/", "/models/sdxl", "/models/sdxl//", "/models/x/../sdxl/."})
    EXPECT_EQ(LastName(path), "sdxl") << path;
  EXPECT_EQ(LastName("/models/sdxl.safetensors"), "sdxl.safetensors");
  EXPECT_EQ(LastName(""), "");
}

}  // namespace
}  // namespace draftp
