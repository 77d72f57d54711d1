#include "base/processor_identity.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

TEST(ProcessorIdentity, IsModelAndAbilitiesOfTheFirstProcessor) {
  constexpr std::string_view kText =
      "processor\t: 0\n"
      "vendor_id\t: GenuineIntel\n"
      "cpu MHz\t\t: 2399.998\n"
      "flags\t\t: fpu avx2 \n"
      "\n"
      "processor\t: 1\n"
      "vendor_id\t: Other\n";
  EXPECT_EQ(processor_identity_from(kText), "vendor_id GenuineIntel; flags fpu avx2");
}

TEST(ProcessorIdentity, OfATextThatSaysNothingIsEmpty) {
  EXPECT_EQ(processor_identity_from(""), "");
  EXPECT_EQ(processor_identity_from("\n\n"), "");
  EXPECT_EQ(processor_identity_from("no colon"), "");
  EXPECT_EQ(processor_identity_from("flags:"), "flags ");
  EXPECT_EQ(processor_identity_from(":"), "");
}

TEST(ProcessorIdentity, IsKnownAndSteadyHere) {
  EXPECT_FALSE(processor_identity().empty());
  EXPECT_EQ(processor_identity(), processor_identity());
}

}  // namespace
}  // namespace mlops
