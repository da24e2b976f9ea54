#include "draftp/anneal/anneal_identity.h"

#include <gtest/gtest.h>

#include "draftp/anneal/anneal_plan.h"

namespace draftp {
namespace {

// Pictures of another decoder aren't those of the run that is gone on with; of the decoder that
// there has always been nothing is said.
TEST(PictureSettingsTest, TellTheDecodersProductsWhereTheyAreFloat16) {
  AnnealConfig config;
  config.prompt = {"a cat"};
  const AnnealPlan plan = MakeAnnealPlan(config).value();
  ComputeDevice device{.network = {at::Device(at::kCUDA, 0), at::kBFloat16},
                       .name = "",
                       .notice = "",
                       .decoder_products = DecoderProducts::kTf32};
  auto settings = PictureSettings(config, plan, {64, 64}, device);
  EXPECT_EQ(settings["dtype"], "bfloat16");
  EXPECT_FALSE(settings.contains("decoder"));
  device.decoder_products = DecoderProducts::kFloat16;
  settings = PictureSettings(config, plan, {64, 64}, device);
  EXPECT_EQ(settings["decoder"], "float16");
}

}  // namespace
}  // namespace draftp
