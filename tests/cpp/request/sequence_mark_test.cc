#include "request/sequence_mark.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

TEST(SequenceMark, ComesFromTheReservedParameters) {
  Request request;
  EXPECT_FALSE(sequence_mark(request).has_id());
  request.parameters = {{"sequence_id", std::int64_t{42}}, {"sequence_end", true}, {"x", true}};
  SequenceMark mark = sequence_mark(request);
  EXPECT_TRUE(mark.has_id());
  EXPECT_EQ(mark.id, SequenceId(std::uint64_t{42}));
  EXPECT_FALSE(mark.start);
  EXPECT_TRUE(mark.end);
  EXPECT_EQ(to_string(mark.id), "42");
  request.parameters = {{"sequence_id", std::string("s")}, {"sequence_start", true}};
  mark = sequence_mark(request);
  EXPECT_EQ(to_string(mark.id), "s");
  EXPECT_TRUE(mark.start);
}

TEST(SequenceMark, ZeroAndEmptyAreNoSequence) {
  for (const ParameterValue& value :
       {ParameterValue(std::int64_t{0}), ParameterValue(std::uint64_t{0}),
        ParameterValue(std::string())}) {
    Request request;
    request.parameters = {{"sequence_id", value}};
    EXPECT_FALSE(sequence_mark(request).has_id());
  }
}

}  // namespace
}  // namespace mlops
