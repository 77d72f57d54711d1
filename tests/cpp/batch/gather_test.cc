// Where gathered bytes land.

#include "batch/gather.h"

#include <gtest/gtest.h>

#include "support/requests.h"

namespace mlops::testing {
namespace {

class GatherTest : public ::testing::Test {
 protected:
  Tensor gather(const std::vector<Tensor>& inputs) {
    std::vector<Request> requests;
    for (const Tensor& input : inputs) requests.push_back(request_for("m", input));
    std::vector<Part> parts;
    for (const Request& request : requests)
      parts.push_back({&request, &resolved_, rows_of(request)});
    Result<Tensor> gathered = gather_input(parts, 0, staging_, slabs_, copies_);
    EXPECT_TRUE(gathered.ok()) << gathered.status().to_string();
    return *std::move(gathered);
  }

  static std::int64_t rows_of(const Request& request) { return request.inputs[0].tensor.shape[0]; }
  std::uint64_t copied() const { return copies_.total(CopySite::gather); }

  Resolved resolved_;
  Buffer staging_;
  SlabPool slabs_{1 << 20};
  CopyMeter copies_;
};

TEST_F(GatherTest, SmallInputsAlwaysLandInTheSameMemory) {
  const std::byte* first = gather({float_rows(2, 1)}).bytes.data();
  EXPECT_EQ(gather({float_rows(3, 5), float_rows(1, 7)}).bytes.data(), first);
  const Tensor third = gather({float_rows(1, 9)});
  EXPECT_EQ(third.bytes.data(), first);
  EXPECT_EQ(values_of<float>(third), values_of<float>(float_rows(1, 9)));
  EXPECT_EQ(slabs_.bytes_in_use(), 0U);
  EXPECT_EQ(copied(), (2U + 3 + 1 + 1) * 4 * sizeof(float));
}

TEST_F(GatherTest, MemoryThatSomebodyStillHoldsIsNotWrittenAgain) {
  const Tensor held = gather({float_rows(1, 1)});
  const Tensor next = gather({float_rows(1, 2)});
  EXPECT_NE(held.bytes.data(), next.bytes.data());
  EXPECT_EQ(values_of<float>(held), values_of<float>(float_rows(1, 1)));
}

TEST_F(GatherTest, ALargeInputAloneStaysWhereItIs) {
  const Tensor large = float_rows(kStagingBytes / 16 + 1, 1);
  EXPECT_EQ(gather({large}).bytes.data(), large.bytes.data());
  EXPECT_EQ(copied(), 0U);
}

TEST_F(GatherTest, LargeBatchesGoToASlab) {
  const Tensor half = float_rows(kStagingBytes / 32 + 1, 1);
  const Tensor both = gather({half, half});
  EXPECT_EQ(slabs_.bytes_in_use(), 2 * kStagingBytes);
  EXPECT_EQ(both.shape[0], 2 * half.shape[0]);
  EXPECT_EQ(copied(), both.bytes.size());
}

TEST_F(GatherTest, StringsAloneAreLeftToTheBackEnd) {
  const Tensor words = strings(Shape{2}, {"a", "bc"});
  EXPECT_EQ(gather({words}).bytes.data(), words.bytes.data());
  EXPECT_EQ(copied(), 0U);
}

TEST_F(GatherTest, NothingIsStillATensor) {
  const Tensor none = gather({dense<float>(DType::f32, Shape{0, 4}, {})});
  EXPECT_EQ(none.bytes.size(), 0U);
  EXPECT_EQ(none.shape, (Shape{0, 4}));
}

TEST_F(GatherTest, RowsOfOtherLengthsGetZerosBehindTheirEnds) {
  const Tensor one = dense<std::int64_t>(DType::i64, Shape{1, 2}, {1, 2});
  const Tensor two = dense<std::int64_t>(DType::i64, Shape{2, 3}, {3, 4, 5, 6, 7, 8});
  const Tensor none = dense<std::int64_t>(DType::i64, Shape{1, 0}, {});
  const Tensor all = gather({one, two, none});
  EXPECT_EQ(all.shape, (Shape{4, 3}));
  EXPECT_EQ(values_of<std::int64_t>(all),
            (std::vector<std::int64_t>{1, 2, 0, 3, 4, 5, 6, 7, 8, 0, 0, 0}));
  EXPECT_EQ(copied(), 8 * sizeof(std::int64_t));
}

}  // namespace
}  // namespace mlops::testing
