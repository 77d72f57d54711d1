#include "execute/openvino_limits.h"

#include <gtest/gtest.h>

#include "support/ort_models.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

Signature closed() { return echo_signature(); }

TEST(OpenvinoLimits, ShapesAndPlacesThatARequestSays) {
  for (const char* name : {"reshape", "fill", "scatter", "endless"}) {
    const Status refused = check_openvino_limits(tiny_model(name), closed());
    EXPECT_EQ(refused.code(), Code::unimplemented) << name << ": " << refused.to_string();
  }
}

TEST(OpenvinoLimits, EverythingElseMayBeTried) {
  for (const char* name :
       {"matmul", "two_outputs", "gather", "divide", "add", "symbols", "constant_output"}) {
    const Status taken = check_openvino_limits(tiny_model(name), closed());
    EXPECT_TRUE(taken.ok()) << name << ": " << taken.to_string();
  }
}

TEST(OpenvinoLimits, WhatIsNoModelIsRefused) {
  EXPECT_FALSE(check_openvino_limits("/no/such/file", closed()).ok());
  EXPECT_FALSE(
      check_openvino_limits(std::string(MLOPS_TEST_MODELS) + "/../tiny_models.py", closed()).ok());
}

}  // namespace
}  // namespace mlops::testing
