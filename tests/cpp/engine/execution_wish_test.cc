#include "engine/execution_wish.h"

#include <gtest/gtest.h>

namespace mlops::testing {
namespace {

TEST(ExecutionWish, AConfigurationCountsMoreThanTheEngine) {
  ExecutionWish defaults;
  defaults.execution = Execution::automatic;
  const auto inherited = execution_wish({}, defaults);
  EXPECT_EQ(inherited->execution, Execution::automatic);
  EXPECT_EQ(inherited->precision, Precision::exact);
  const auto said = execution_wish(
      {{"execution", "openvino"}, {"precision", "auto"}, {"accuracy_gate", "0.125"}}, defaults);
  ASSERT_TRUE(said.ok()) << said.status().to_string();
  EXPECT_EQ(said->execution, Execution::openvino);
  EXPECT_EQ(said->precision, Precision::automatic);
  EXPECT_EQ(said->accuracy_gate, 0.125);
  EXPECT_EQ(execution_wish({{"execution", "standard"}}, defaults)->execution, Execution::standard);
  EXPECT_EQ(execution_wish({{"execution", "trees"}}, defaults)->execution, Execution::trees);
}

TEST(ExecutionWish, WhatIsNotKnownIsRefusedWithWhatIs) {
  struct Case {
    const char* name;
    const char* text;
    const char* says;
  };
  for (const auto& [name, text, says] : std::initializer_list<Case>{
           {"execution", "OpenVINO", "standard, auto, onnxruntime, openvino or trees"},
           {"execution", "", "it can be"},
           {"precision", "bf16", "exact or auto"},
           {"accuracy_gate", "0", "above 0"},
           {"accuracy_gate", "2", "up to 1"},
           {"accuracy_gate", "nan", "above 0"},
           {"accuracy_gate", "0.1x", "above 0"},
           {"accuracy_gate", "", "above 0"}}) {
    const Status status = execution_wish({{name, text}}, {}).status();
    EXPECT_EQ(status.code(), Code::invalid_argument) << name << " " << text;
    EXPECT_NE(status.message().find(says), std::string::npos) << status.message();
    EXPECT_NE(status.message().find("parameter " + std::string(name)), std::string::npos);
  }
}

}  // namespace
}  // namespace mlops::testing
