#include "execute/builtin_backends.h"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "execute/one_answer_backend.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

using Kind = Generation::Kind;

// Remembers how long it was asked to pause; with `hold`, pauses until it is stopped.
class RecordedPause final : public Pause {
 public:
  void pass(Duration time, const std::stop_token& stop) override {
    {
      const std::lock_guard lock(mutex_);
      passed_.push_back(time);
    }
    if (!hold) return;
    entered.test_and_set();
    entered.notify_all();
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait(lock, stop, [] { return false; });
  }
  std::vector<Duration> passed() {
    const std::lock_guard lock(mutex_);
    return passed_;
  }
  bool hold = false;
  std::atomic_flag entered;

 private:
  std::mutex mutex_;
  std::vector<Duration> passed_;
};

Signature square_signature() {
  return {{spec("IN", DType::i32, {1})}, {spec("OUT", DType::i32, {1})}};
}

Signature repeat_signature() {
  return {{spec("IN", DType::i32, {kAnySize}), spec("DELAY", DType::u32, {kAnySize}),
           spec("WAIT", DType::u32, {1})},
          {spec("OUT", DType::i32, {1}), spec("IDX", DType::u32, {1})}};
}

Tensor ints(const std::vector<std::int32_t>& values) {
  return dense(DType::i32, Shape{static_cast<std::int64_t>(values.size())}, values);
}
Tensor counts(const std::vector<std::uint32_t>& values) {
  return dense(DType::u32, Shape{static_cast<std::int64_t>(values.size())}, values);
}

std::vector<OutputSlot> wanted(std::size_t count) {
  std::vector<OutputSlot> slots(count);
  for (OutputSlot& slot : slots) slot.wanted = true;
  return slots;
}

TEST(Identity, RepeatsAnyNumberOfTensorsOfAnyType) {
  for (std::size_t type = 0; type < kDTypeCount; ++type) {
    const auto dtype = static_cast<DType>(type);
    const Tensor tensor = dtype == DType::bytes
                              ? strings(Shape{2}, {"a", ""})
                              : dense(dtype, Shape{2}, std::vector<char>(2 * size_of(dtype), 'x'));
    const Signature signature = {{spec("A", dtype, {kAnySize}), spec("B", DType::f32, {1})},
                                 {spec("X", dtype, {kAnySize}), spec("Y", DType::f32, {1})}};
    const auto backend = make_builtin_backend("identity", signature, {});
    ASSERT_TRUE(backend.ok()) << backend.status().to_string();
    const auto executor = (*backend)->make_executor();
    auto slots = wanted(2);
    const std::vector<Tensor> inputs = {tensor, dense(DType::f32, Shape{1}, std::vector<float>{7})};
    ASSERT_TRUE((*executor)->run(inputs, slots).ok());
    EXPECT_EQ(values_of<char>(slots[0].tensor), values_of<char>(tensor));
    EXPECT_EQ(values_of<float>(slots[1].tensor), std::vector<float>{7});
  }
}

TEST(Identity, EachExecutorDelaysByItsNumber) {
  const auto pause = std::make_shared<RecordedPause>();
  const auto backend = make_builtin_backend("identity", echo_signature(),
                                            {{"execute_delay_ms", "100"},
                                             {"instance_wise_delay_multiplier", "4"},
                                             {"creation_delay_sec", "2"}},
                                            pause);
  ASSERT_TRUE(backend.ok()) << backend.status().to_string();
  EXPECT_EQ((*backend)->known_run_time(), std::chrono::milliseconds(100));
  const std::vector<Tensor> inputs = {float_rows(1, 0)};
  for (int i = 0; i < 3; ++i) {
    auto slots = wanted(1);
    ASSERT_TRUE((*(*backend)->make_executor())->run(inputs, slots).ok());
  }
  using std::chrono::milliseconds;
  EXPECT_EQ(pause->passed(), (std::vector<Duration>{milliseconds(2000), milliseconds(100),
                                                    milliseconds(400), milliseconds(800)}));
}

TEST(Identity, InterruptEndsTheDelay) {
  const auto pause = std::make_shared<RecordedPause>();
  pause->hold = true;
  const auto backend =
      make_builtin_backend("identity", echo_signature(), {{"execute_delay_ms", "60000"}}, pause);
  const auto executor = (*backend)->make_executor();
  std::jthread interrupter([&] {
    pause->entered.wait(false);
    (*executor)->interrupt();
  });
  const std::vector<Tensor> inputs = {float_rows(1, 0)};
  auto slots = wanted(1);
  EXPECT_EQ((*executor)->run(inputs, slots).code(), Code::cancelled);
  EXPECT_EQ((*executor)->run(inputs, slots).code(), Code::cancelled);  // for good
}

TEST(Builtins, MalformedParametersAndSignaturesAreRefused) {
  for (const char* value : {"", "-1", "1.5", "ten", "99999999999"}) {
    const auto made =
        make_builtin_backend("identity", echo_signature(), {{"execute_delay_ms", value}});
    ASSERT_FALSE(made.ok()) << value;
    EXPECT_NE(made.status().message().find("execute_delay_ms"), std::string::npos);
  }
  EXPECT_FALSE(make_builtin_backend("square", echo_signature(), {}).ok());
  EXPECT_FALSE(make_builtin_backend("repeat", square_signature(), {}).ok());
  EXPECT_FALSE(make_builtin_backend("sequence", echo_signature(), {}).ok());
  Signature wrong = repeat_signature();
  wrong.outputs[1].dtype = DType::i32;
  EXPECT_NE(make_builtin_backend("repeat", wrong, {}).status().message().find("IDX (UINT32)"),
            std::string::npos);
  EXPECT_EQ(make_builtin_backend("python", {}, {}).status().code(), Code::not_found);
  EXPECT_TRUE(is_builtin_backend("repeat"));
  EXPECT_FALSE(is_builtin_backend("onnxruntime"));
}

TEST(Square, AnswersAsOftenAsTheNumberSays) {
  const auto backend = make_builtin_backend("square", square_signature(), {});
  ASSERT_TRUE((*backend)->decoupled());
  const std::vector<Tensor> inputs = {ints({3})};
  const auto generation = (*backend)->generate(inputs);
  for (int i = 0; i < 3; ++i) {
    auto slots = wanted(1);
    ASSERT_EQ((*generation)->step({}, slots)->kind, Kind::part);
    EXPECT_EQ(values_of<std::int32_t>(slots[0].tensor), std::vector<std::int32_t>{3});
  }
  auto slots = wanted(1);
  EXPECT_EQ((*generation)->step({}, slots)->kind, Kind::end);
  EXPECT_EQ((*(*backend)->generate(std::vector<Tensor>{ints({0})}))->step({}, slots)->kind,
            Kind::end);
  EXPECT_EQ((*backend)->generate(std::vector<Tensor>{ints({-1})}).status().code(),
            Code::invalid_argument);
  EXPECT_FALSE((*backend)->generate(std::vector<Tensor>{ints({1, 2})}).ok());
}

TEST(Square, DelaysBeforeEachPart) {
  const auto backend =
      make_builtin_backend("square", square_signature(),
                           {{"CUSTOM_INFER_DELAY_NS", "400"}, {"CUSTOM_OUTPUT_DELAY_NS", "200"}});
  const std::vector<Tensor> inputs = {ints({1})};
  const auto generation = (*backend)->generate(inputs);
  auto slots = wanted(1);
  const TimePoint start{};
  auto step = (*generation)->step(start, slots);
  ASSERT_EQ(step->kind, Kind::later);
  EXPECT_EQ(step->at, start + Duration(600));
  EXPECT_EQ((*generation)->step(step->at - Duration(1), slots)->kind, Kind::later);
  EXPECT_EQ((*generation)->step(step->at, slots)->kind, Kind::part);
  EXPECT_EQ((*generation)->step(step->at, slots)->kind, Kind::end);
}

TEST(Repeat, AnswersEveryElementAfterItsDelay) {
  const auto backend = make_builtin_backend("repeat", repeat_signature(), {});
  const std::vector<Tensor> inputs = {ints({5, -6}), counts({0, 10}), counts({500})};
  const auto generation = (*backend)->generate(inputs);
  auto slots = wanted(2);
  TimePoint now{};
  ASSERT_EQ((*generation)->step(now, slots)->kind, Kind::part);
  EXPECT_EQ(values_of<std::int32_t>(slots[0].tensor), std::vector<std::int32_t>{5});
  EXPECT_EQ(values_of<std::uint32_t>(slots[1].tensor), std::vector<std::uint32_t>{0});
  const auto step = (*generation)->step(now, slots);
  ASSERT_EQ(step->kind, Kind::later);
  EXPECT_EQ(step->at, now + std::chrono::milliseconds(10));
  now = step->at;
  slots = wanted(2);
  slots[0].wanted = false;
  ASSERT_EQ((*generation)->step(now, slots)->kind, Kind::part);
  EXPECT_TRUE(slots[0].tensor.bytes.empty());  // nobody asked for it
  EXPECT_EQ(values_of<std::uint32_t>(slots[1].tensor), std::vector<std::uint32_t>{1});
  EXPECT_EQ((*generation)->step(now, slots)->kind, Kind::end);
}

TEST(Repeat, RefusesShapesThatDisagree) {
  const auto backend = make_builtin_backend("repeat", repeat_signature(), {});
  const auto made =
      (*backend)->generate(std::vector<Tensor>{ints({5, 6}), counts({0}), counts({0})});
  EXPECT_NE(made.status().message().find("expected IN and DELAY shape to match, got [2] and [1]"),
            std::string::npos);
}

TEST(OneAnswer, AnythingButOnePartIsAnError) {
  const auto one = make_one_answer_backend(*make_builtin_backend("square", square_signature(), {}),
                                           std::make_shared<RecordedPause>());
  EXPECT_FALSE(one->decoupled());
  const auto executor = one->make_executor();
  const auto run = [&](std::int32_t number) {
    const std::vector<Tensor> inputs = {ints({number})};
    auto slots = wanted(1);
    const Status status = (*executor)->run(inputs, slots);
    if (status.ok()) {
      EXPECT_EQ(values_of<std::int32_t>(slots[0].tensor), std::vector<std::int32_t>{number});
    }
    return status.message();
  };
  EXPECT_EQ(run(1), "");
  EXPECT_NE(run(0).find("exactly one"), std::string::npos);
  EXPECT_NE(run(1 << 30).find("exactly one"), std::string::npos);
  EXPECT_NE(run(-1).find("less than never"), std::string::npos);
  (*executor)->interrupt();
  EXPECT_NE(run(1).find("interrupted"), std::string::npos);
}

}  // namespace
}  // namespace mlops::testing
