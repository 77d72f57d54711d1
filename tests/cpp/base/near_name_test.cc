#include "base/near_name.h"

#include <gtest/gtest.h>

#include <array>

namespace mlops {
namespace {

constexpr std::array<std::string_view, 3> kKnown = {"max_batch_size", "input", "output"};

TEST(NearName, FindsWhatWasMeant) {
  EXPECT_EQ(nearest_name("max_batchsize", kKnown), "max_batch_size");
  EXPECT_EQ(did_you_mean("inputs", kKnown), "; did you mean 'input'?");
}

TEST(NearName, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(did_you_mean("zebra_crossing", kKnown), "");
  EXPECT_EQ(nearest_name(std::string(100'000, 'a'), kKnown), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

}  // namespace
}  // namespace mlops
