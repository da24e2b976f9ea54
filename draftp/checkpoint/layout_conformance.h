// What every layout must keep, written once and instantiated for each member. Test only.
#ifndef DRAFTP_CHECKPOINT_LAYOUT_CONFORMANCE_H_
#define DRAFTP_CHECKPOINT_LAYOUT_CONFORMANCE_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "draftp/checkpoint/any_layout.h"
#include "draftp/checkpoint/layout.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp::testing {

// Examples::All() returns files of the layout Examples::Type, each as its tensors;
// Examples::Parts() what they hold.
//
//   struct MyExamples {
//     using Type = MyLayout;
//     static std::vector<std::map<std::string, at::Tensor>> All();
//     static std::vector<std::vector<ModelPart>> Parts();
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Mine, LayoutConformance, MyExamples);
//
// from namespace draftp::testing, where the suite is.
template <class Examples>
class LayoutConformance : public ::testing::Test {};

TYPED_TEST_SUITE_P(LayoutConformance);

TYPED_TEST_P(LayoutConformance, IsTheOneThatItsFilesAreRecognisedAs) {
  const auto parts = TypeParam::Parts();
  const auto files = TypeParam::All();
  for (size_t i = 0; i < files.size(); ++i) {
    const WeightMap weights = WeightMap::FromTensors(files[i]);
    EXPECT_EQ(TypeParam::Type::Sees(weights), parts[i]) << i;
    const auto layout = DetectLayout(weights);
    ASSERT_TRUE(layout.ok()) << i << layout.status();
    EXPECT_TRUE(*layout == AnyLayout::Of<typename TypeParam::Type>()) << i;
  }
}

TYPED_TEST_P(LayoutConformance, SeesNothingInOtherFiles) {
  EXPECT_TRUE(TypeParam::Type::Sees(WeightMap::FromTensors({})).empty());
  EXPECT_TRUE(
      TypeParam::Type::Sees(WeightMap::FromTensors({{"lora.alpha", at::ones({1})}})).empty());
}

// Names of which only the shapes are another's.
TYPED_TEST_P(LayoutConformance, LooksAtShapesToo) {
  for (auto tensors : TypeParam::All()) {
    for (auto& [name, tensor] : tensors) tensor = tensor.flatten().unsqueeze(0).unsqueeze(0);
    EXPECT_TRUE(TypeParam::Type::Sees(WeightMap::FromTensors(tensors)).empty());
  }
}

TYPED_TEST_P(LayoutConformance, PartsAreViewsOfTheFilesTensors) {
  for (const auto& tensors : TypeParam::All()) {
    auto parts = TypeParam::Type::Parts(WeightMap::FromTensors(tensors));
    ASSERT_TRUE(parts.ok()) << parts.status();
    for (LayoutPart& part : *parts) {
      for (const std::string& name : part.weights.names()) {
        const auto taken = part.weights.Take(name, *part.weights.Shape(name));
        ASSERT_TRUE(taken.ok()) << taken.status();
        EXPECT_TRUE(taken->is_alias_of(tensors.at(part.weights.NameInFile(name)))) << name;
      }
    }
  }
}

TYPED_TEST_P(LayoutConformance, EveryElementOfAPartIsInItOnce) {
  for (const auto& tensors : TypeParam::All()) {
    std::map<std::string, int64_t> elements;  // by the file's names
    auto parts = TypeParam::Type::Parts(WeightMap::FromTensors(tensors));
    for (LayoutPart& part : *parts) {
      for (const std::string& name : part.weights.names()) {
        const auto taken = part.weights.Take(name, *part.weights.Shape(name));
        elements[part.weights.NameInFile(name)] += taken->numel();
      }
    }
    for (const auto& [name, count] : elements) EXPECT_EQ(count, tensors.at(name).numel()) << name;
  }
}

REGISTER_TYPED_TEST_SUITE_P(LayoutConformance, IsTheOneThatItsFilesAreRecognisedAs,
                            SeesNothingInOtherFiles, LooksAtShapesToo,
                            PartsAreViewsOfTheFilesTensors, EveryElementOfAPartIsInItOnce);

}  // namespace draftp::testing

#endif  // DRAFTP_CHECKPOINT_LAYOUT_CONFORMANCE_H_
