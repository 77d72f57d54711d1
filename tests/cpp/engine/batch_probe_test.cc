#include "engine/batch_probe.h"

#include <gtest/gtest.h>

#include <functional>

#include "support/requests.h"

namespace mlops::testing {
namespace {

// A model of one float input and one float output, as a function on rows of 4.
class FunctionExecutor final : public Executor {
 public:
  using Function = std::function<Status(std::vector<float>&)>;
  explicit FunctionExecutor(Function function) : function_(std::move(function)) {}

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    std::vector<float> values = values_of<float>(inputs.front());
    if (Status s = function_(values); !s.ok()) return s;
    outputs.front().tensor =
        dense(DType::f32, Shape{static_cast<std::int64_t>(values.size()) / 4, 4}, values);
    return {};
  }

 private:
  Function function_;
};

ProbeResult probe(FunctionExecutor::Function function) {
  FunctionExecutor executor(std::move(function));
  const Signature signature = echo_signature();
  return probe_model(executor, {signature, infer_batch_rule(signature)}, SteadyClock());
}

TEST(BatchProbe, IndependentRowsMayShareABatch) {
  const ProbeResult result = probe([](std::vector<float>& values) {
    for (float& value : values) value = value * 2 + 1;
    return Status();
  });
  EXPECT_TRUE(result.ran);
  EXPECT_TRUE(result.batchable) << result.reason;
  EXPECT_EQ(result.sizable_outputs, std::vector<bool>{true});
  EXPECT_GT(result.single_row.count(), 0);
}

TEST(BatchProbe, AMeanOverTheBatchIsFound) {
  const ProbeResult result = probe([](std::vector<float>& values) {
    float sum = 0;
    for (float value : values) sum += value;
    for (float& value : values) value -= sum / static_cast<float>(values.size());
    return Status();
  });
  EXPECT_FALSE(result.batchable);
  EXPECT_NE(result.reason.find("influence"), std::string::npos) << result.reason;
}

TEST(BatchProbe, ABakedInBatchOfOneIsFound) {
  const ProbeResult result = probe([](std::vector<float>& values) {
    return values.size() == 4 ? Status() : Status::invalid_argument("cannot reshape");
  });
  EXPECT_TRUE(result.ran);
  EXPECT_FALSE(result.batchable);
  EXPECT_NE(result.reason.find("cannot reshape"), std::string::npos) << result.reason;
}

TEST(BatchProbe, AModelThatDropsRowsIsFound) {
  const ProbeResult result = probe([](std::vector<float>& values) {
    if (values.size() > 4) values.resize(values.size() - 4);
    return Status();
  });
  EXPECT_FALSE(result.batchable);
}

TEST(BatchProbe, ABranchThatOneRowTurnsForAllIsFound) {
  const ProbeResult result = probe([](std::vector<float>& values) {
    float sum = 0;
    for (float value : values) sum += value;
    for (float& value : values) value = sum > 0 ? -value : value;
    return Status();
  });
  EXPECT_FALSE(result.batchable);
}

TEST(BatchProbe, AFilterOfNegativeRowsIsFound) {
  const ProbeResult result = probe([](std::vector<float>& values) {
    std::vector<float> kept;
    for (std::size_t i = 0; i < values.size(); i += 4) {
      if (values[i] > 0)
        kept.insert(kept.end(), values.begin() + static_cast<std::ptrdiff_t>(i),
                    values.begin() + static_cast<std::ptrdiff_t>(i) + 4);
    }
    values = kept;
    return Status();
  });
  EXPECT_FALSE(result.batchable);
}

TEST(BatchProbe, AModelThatRefusesNegativeValuesIsJudgedByTheOthers) {
  const ProbeResult result = probe([](std::vector<float>& values) {
    for (float& value : values) {
      if (value < 0 || value > 1) return Status::invalid_argument("out of range");
      value = 1 - value;
    }
    return Status();
  });
  EXPECT_TRUE(result.batchable) << result.reason;
}

TEST(BatchProbe, NotANumberIsEqualToItself) {
  const ProbeResult result = probe([](std::vector<float>& values) {
    values[0] = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t i = 0; i < values.size(); i += 4) values[i] = values[0];
    return Status();
  });
  EXPECT_TRUE(result.batchable) << result.reason;
}

TEST(BatchProbe, AModelThatRefusesMadeUpInputIsNotMerged) {
  const ProbeResult result =
      probe([](std::vector<float>&) { return Status::invalid_argument("index out of range"); });
  EXPECT_FALSE(result.ran);
  EXPECT_FALSE(result.batchable);
  EXPECT_EQ(result.sizable_outputs, std::vector<bool>{false});
  EXPECT_NE(result.reason.find("index out of range"), std::string::npos);
}

}  // namespace
}  // namespace mlops::testing
