#include "protocol/execution_json.h"

#include <gtest/gtest.h>

#include "described_model.h"

namespace mlops {
namespace {

TEST(ExecutionJson, SaysWhatWasTriedWithItsFiguresAndWhyNot) {
  ModelInfo info = testing::described_model();
  auto note = std::make_shared<ExecutionNote>("runs in A; others are not tried yet", false);
  info.execution = note;
  EXPECT_EQ(execution_json(info),
            R"({"name":"flights","version":"2","platform":"onnxruntime_onnx","lanes":3,)"
            R"("reason":"runs in A; others are not tried yet","settled":false,"tried":[]})");
  note->set(
      {"runs in B", true, {{"B", "", 0.5, {{1, 1.5}, {8, 2}}}, {"C", "a \"reason\"", 0, {}}}});
  EXPECT_EQ(execution_json(info),
            R"({"name":"flights","version":"2","platform":"onnxruntime_onnx","lanes":3,)"
            R"("reason":"runs in B","settled":true,"tried":[)"
            R"({"name":"B","largest_difference":0.5,"times":[{"rows":1,"speed_up":1.5},)"
            R"({"rows":8,"speed_up":2.0}]},{"name":"C","refused":"a \"reason\""}]})");
}

TEST(ExecutionJson, AModelWithNothingToChooseIsSettled) {
  EXPECT_EQ(execution_json(testing::described_model()),
            R"({"name":"flights","version":"2","platform":"onnxruntime_onnx","lanes":3,)"
            R"("reason":"","settled":true,"tried":[]})");
}

}  // namespace
}  // namespace mlops
