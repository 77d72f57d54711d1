// A request with more rows than a batch may have runs in pieces, and nobody can tell.

#include "engine/split_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

// Inputs "x" FP32 [N, 3] and "text" BYTES [N]; outputs their sums [N], the text repeated, and x.
// Memory that it is given it uses or not, as a back end may.
class RowWise final : public Executor {
 public:
  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    const auto x = values_of<float>(inputs[0]);
    const auto text = strings_of(inputs[1]);
    rows.push_back(inputs[0].shape[0]);
    if (fail_at == rows.size()) return Status::invalid_argument("a bad row");
    std::vector<float> sums;
    for (std::size_t i = 0; i < x.size(); i += 3) sums.push_back(x[i] + x[i + 1] + x[i + 2]);
    std::vector<std::string> twice;
    for (const std::string& word : text) twice.push_back(word + word);
    const std::int64_t n = rows.back();
    answer(outputs[0], dense(DType::f32, Shape{n}, sums));
    answer(outputs[1], strings(Shape{n}, twice));
    Shape wide{n, 3};
    if (grows) wide = Shape{n, 3 * static_cast<std::int64_t>(rows.size())};
    std::vector<float> many(static_cast<std::size_t>(n * wide[1]), 1.0F);
    answer(outputs[2], dense(DType::f32, wide, grows ? many : x));
    return {};
  }

  std::vector<std::int64_t> rows;  // of each run
  std::size_t fail_at = 0;
  bool grows = false;  // the last output is wider in every run
  std::mt19937 random;

 private:
  void answer(OutputSlot& slot, Tensor made) {
    if (!slot.wanted) return;
    if (!slot.tensor.owner || random() % 2 == 0) {
      slot.tensor = std::move(made);
      return;
    }
    ASSERT_EQ(slot.tensor.bytes.size(), made.bytes.size());
    std::memcpy(const_cast<std::byte*>(slot.tensor.bytes.data()), made.bytes.data(),
                made.bytes.size());
  }
};

class SplitRunTest : public ::testing::Test {
 protected:
  std::vector<Tensor> inputs(std::int64_t rows) {
    std::vector<float> x(static_cast<std::size_t>(rows) * 3);
    for (float& value : x) value = static_cast<float>(random_() % 1000);
    std::vector<std::string> text;
    for (std::int64_t i = 0; i < rows; ++i) text.emplace_back(random_() % 9, 'a');
    return {dense(DType::f32, Shape{rows, 3}, x), strings(Shape{rows}, text)};
  }

  // Slots of which some are wanted, some of those with memory of their own in one block.
  std::vector<OutputSlot> slots(std::int64_t rows) {
    std::vector<OutputSlot> made(3);
    for (OutputSlot& slot : made) slot.wanted = random_() % 4 != 0;
    const auto n = static_cast<std::size_t>(rows);
    const Buffer block = allocate_buffer(64 + n * 16);
    const auto give = [&](OutputSlot& slot, Shape shape, std::size_t offset, std::size_t size) {
      if (!slot.wanted || random_() % 2 == 0) return;
      slot.tensor = {DType::f32, shape, {block->data() + offset, size}, block};
    };
    give(made[0], Shape{rows}, 0, n * 4);
    give(made[2], Shape{rows, 3}, n * 4, n * 12);
    return made;
  }

  SplitRun split(std::int64_t rows, std::int64_t rows_max) {
    return {rows, rows_max, &slabs_, &copies_, [] { return Status(); }};
  }

  std::mt19937 random_{11};
  SlabPool slabs_{1 << 20};
  CopyMeter copies_;
  RowWise executor_;
};

TEST_F(SplitRunTest, AnswersAreThoseOfOneRun) {
  for (int round = 0; round < 400; ++round) {
    const auto rows = static_cast<std::int64_t>(1 + random_() % 60);
    const auto rows_max = static_cast<std::int64_t>(1 + random_() % 20);
    const std::vector<Tensor> given = inputs(rows);
    std::vector<OutputSlot> whole(3);
    for (OutputSlot& slot : whole) slot.wanted = true;
    ASSERT_TRUE(executor_.run(given, whole).ok());
    executor_.rows.clear();

    std::vector<OutputSlot> pieces = slots(rows);
    const Status status = run_split(executor_, split(rows, rows_max), given, pieces);
    ASSERT_TRUE(status.ok()) << status.to_string();
    EXPECT_EQ(std::accumulate(executor_.rows.begin(), executor_.rows.end(), std::int64_t{0}), rows);
    const auto [least, most] = std::ranges::minmax(executor_.rows);
    EXPECT_LE(most, rows_max);
    EXPECT_LE(most - least, 1);
    for (std::size_t i = 0; i < 3; ++i) {
      if (!pieces[i].wanted) continue;
      EXPECT_EQ(pieces[i].tensor.shape, whole[i].tensor.shape);
      EXPECT_EQ(values_of<std::uint8_t>(pieces[i].tensor),
                values_of<std::uint8_t>(whole[i].tensor));
    }
  }
}

TEST_F(SplitRunTest, EndsWithTheRunThatFails) {
  executor_.fail_at = 2;
  std::vector<OutputSlot> outputs = slots(9);
  const Status status = run_split(executor_, split(9, 3), inputs(9), outputs);
  EXPECT_EQ(status.code(), Code::invalid_argument);
  EXPECT_EQ(executor_.rows.size(), 2U);
}

TEST_F(SplitRunTest, StopsBetweenRunsWhenToldTo) {
  SplitRun asked = split(9, 3);
  asked.go_on = [this] {
    return executor_.rows.size() == 2 ? Status::cancelled("enough") : Status();
  };
  std::vector<OutputSlot> outputs = slots(9);
  EXPECT_EQ(run_split(executor_, asked, inputs(9), outputs).code(), Code::cancelled);
  EXPECT_EQ(executor_.rows.size(), 2U);
}

TEST_F(SplitRunTest, SaysWhenRunsDoNotFitTogether) {
  executor_.grows = true;
  std::vector<OutputSlot> outputs(3);
  for (OutputSlot& slot : outputs) slot.wanted = true;
  EXPECT_EQ(run_split(executor_, split(9, 3), inputs(9), outputs).code(), Code::unimplemented);
}

class LargeRequest : public ::testing::Test {
 protected:
  void SetUp() override { gate_ = loaded_.load_gated(LoadedEngine::source("m", 1, 1)); }

  std::uint64_t copied() const {
    const EngineStats stats = loaded_.engine->stats();
    return std::accumulate(stats.copy_bytes.begin(), stats.copy_bytes.end(), std::uint64_t{0});
  }

  LoadedEngine loaded_;
  std::shared_ptr<Gate> gate_;
};

TEST_F(LargeRequest, RunsInPiecesWithoutACopy) {
  const std::uint64_t before = copied();
  const Tensor input = float_rows(1000, 1);
  const Response answer = loaded_.engine->infer(request_for("m", input));
  ASSERT_TRUE(answer.status.ok()) << answer.status.to_string();
  EXPECT_EQ(values_of<float>(answer.outputs.at(0).tensor), values_of<float>(input));
  EXPECT_EQ(answer.outputs.at(0).tensor.shape, input.shape);
  const std::vector<std::int64_t> rows = gate_->batches();
  EXPECT_EQ(rows.size(), 16U);
  EXPECT_LE(std::ranges::max(rows), 64);
  EXPECT_EQ(copied(), before);
  const ModelStats stats = loaded_.engine->stats().models.at(0);
  EXPECT_EQ(stats.success, 1U);
}

TEST_F(LargeRequest, ThatIsCancelledStopsAtTheNextPiece) {
  gate_->close();
  auto call = call_for(request_for("m", float_rows(1000, 1)));
  loaded_.engine->submit(call);
  gate_->wait_for_runs(1);
  EXPECT_TRUE(call->cancel());
  gate_->open();
  EXPECT_TRUE(loaded_.engine->drain(kNever));
  EXPECT_EQ(gate_->batches().size(), 1U);
  EXPECT_EQ(call->wait().status.code(), Code::cancelled);
  EXPECT_EQ(call->deliveries(), 1);
}

TEST_F(LargeRequest, FailsAsAWhole) {
  std::vector<float> values(4000, 1.0F);
  values[3000] = -1;
  const Response answer =
      loaded_.engine->infer(request_for("m", dense(DType::f32, Shape{1000, 4}, values)));
  EXPECT_EQ(answer.status.code(), Code::invalid_argument);
  EXPECT_TRUE(answer.outputs.empty());
}

}  // namespace
}  // namespace mlops::testing
