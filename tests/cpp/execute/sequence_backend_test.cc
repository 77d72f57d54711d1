#include <gtest/gtest.h>

#include "execute/builtin_backends.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

using Ints = std::vector<std::int32_t>;

Signature direct_signature() {
  return {{spec("INPUT", DType::i32, {kAnySize, 1}), spec("START", DType::i32, {kAnySize, 1}),
           spec("READY", DType::boolean, {kAnySize, 1})},
          {spec("OUTPUT", DType::i32, {kAnySize, 1})}};
}

Signature oldest_signature() {
  return {{spec("INPUT", DType::i32, {kAnySize, 1}), spec("START", DType::f32, {kAnySize, 1}),
           spec("END", DType::i32, {kAnySize, 1}), spec("CORRID", DType::bytes, {kAnySize, 1})},
          {spec("OUTPUT", DType::i32, {kAnySize, 1})}};
}

Shape column(std::size_t rows) { return Shape{static_cast<std::int64_t>(rows), 1}; }
Tensor ints_column(const Ints& values) { return dense(DType::i32, column(values.size()), values); }
Tensor bools(const std::vector<char>& values) {
  return dense(DType::boolean, column(values.size()), values);
}
Tensor floats(const std::vector<float>& values) {
  return dense(DType::f32, column(values.size()), values);
}

Ints run(Executor& executor, const std::vector<Tensor>& inputs) {
  std::vector<OutputSlot> slots(1);
  slots[0].wanted = true;
  const Status status = executor.run(inputs, slots);
  EXPECT_TRUE(status.ok()) << status.to_string();
  return values_of<std::int32_t>(slots[0].tensor);
}

TEST(SequenceBackend, KeepsOneSumPerRow) {
  const auto backend = make_builtin_backend("sequence", direct_signature(), {});
  ASSERT_TRUE(backend.ok()) << backend.status().to_string();
  EXPECT_TRUE((*backend)->stateful());
  const auto executor = (*backend)->make_executor();
  EXPECT_EQ(run(**executor, {ints_column({1, 10}), ints_column({1, 1}), bools({1, 1})}),
            (Ints{1, 10}));
  EXPECT_EQ(run(**executor, {ints_column({2, 99}), ints_column({0, 0}), bools({1, 0})}),
            (Ints{3, 0}));
  EXPECT_EQ(run(**executor, {ints_column({3, 20}), ints_column({0, 0}), bools({1, 1})}),
            (Ints{6, 30}));
  EXPECT_EQ(run(**executor, {ints_column({4}), ints_column({1}), bools({1})}), (Ints{4}));
}

TEST(SequenceBackend, TellsSequencesApartByCorrelationIdOnAnyExecutor) {
  const auto backend = make_builtin_backend("sequence", oldest_signature(), {});
  ASSERT_TRUE(backend.ok()) << backend.status().to_string();
  const auto one = (*backend)->make_executor();
  const auto other = (*backend)->make_executor();
  EXPECT_EQ(run(**one, {ints_column({1, 10}), floats({1, 1}), ints_column({0, 0}),
                        strings(column(2), {"a", "b"})}),
            (Ints{1, 10}));
  EXPECT_EQ(run(**other, {ints_column({5, 2}), floats({0, 0}), ints_column({0, 1}),
                          strings(column(2), {"b", "a"})}),
            (Ints{15, 3}));
  // "a" has ended and is forgotten.
  EXPECT_EQ(
      run(**one, {ints_column({7}), floats({0}), ints_column({0}), strings(column(1), {"a"})}),
      (Ints{7}));
}

TEST(SequenceBackend, AnswersNoRowsWithNoRows) {
  const auto backend = make_builtin_backend("sequence", direct_signature(), {});
  const auto executor = (*backend)->make_executor();
  EXPECT_EQ(run(**executor, {ints_column({}), ints_column({}), bools({})}), Ints{});
}

}  // namespace
}  // namespace mlops::testing
