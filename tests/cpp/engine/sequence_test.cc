// Models that keep state: whatever the batching, a sequence's answers are those of its requests run
// alone, one after the other.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

#include "execute/builtin_backends.h"
#include "model/sequence_plan.h"
#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

using Strategy = SequenceBatching::Strategy;
using Kind = SequenceControl::Kind;

SequenceControlInput flag_input(const std::string& name, Kind kind) {
  SequenceControl control;
  control.kind = kind;
  control.int32_false_true = {0, 1};
  return {name, {control}};
}

SequenceBatching batching(Strategy strategy, DType id_type = DType::u64) {
  SequenceBatching made;
  made.strategy = strategy;
  made.idle_us_max = 60'000'000;
  made.control_inputs = {flag_input("START", Kind::start), flag_input("READY", Kind::ready)};
  if (strategy == Strategy::oldest) {
    made.candidate_sequences_max = 8;
    made.control_inputs.push_back(flag_input("END", Kind::end));
    SequenceControl id;
    id.kind = Kind::correlation_id;
    id.dtype = id_type;
    made.control_inputs.push_back({"CORRID", {id}});
  }
  return made;
}

Status load_sums(LoadedEngine& loaded, const SequenceBatching& config, unsigned lanes,
                 std::int64_t rows_max) {
  Signature signature = {{spec("INPUT", DType::i32, {kAnySize, 1})},
                         {spec("OUTPUT", DType::i32, {kAnySize, 1})}};
  if (Status s = add_sequence_tensors(config, true, signature); !s.ok()) return s;
  auto backend = make_builtin_backend("sequence", std::move(signature), {});
  if (!backend.ok()) return backend.status();
  ModelSource source = LoadedEngine::source("sums", 1, lanes);
  source.batch_rows_max = rows_max;
  source.sequences = config;
  return loaded.engine->load(source, *std::move(backend));
}

Request add(const ParameterValue& id, std::int32_t value, bool start = false, bool end = false) {
  Request request = request_for(
      "sums", dense(DType::i32, Shape{1, 1}, std::vector<std::int32_t>{value}), "INPUT");
  request.parameters = {{"sequence_id", id}, {"sequence_start", start}, {"sequence_end", end}};
  return request;
}

ParameterValue number(std::int64_t id) { return id; }

std::int32_t sum_of(const Response& response) {
  EXPECT_TRUE(response.status.ok()) << response.status.to_string();
  if (!response.status.ok()) return -1;
  EXPECT_EQ(response.outputs.size(), 1U);
  return values_of<std::int32_t>(response.outputs[0].tensor).at(0);
}

TEST(Sequences, AccumulateAndShowClientsOnlyTheirTensors) {
  for (const Strategy strategy : {Strategy::direct, Strategy::oldest}) {
    LoadedEngine loaded;
    ASSERT_TRUE(load_sums(loaded, batching(strategy), 2, 4).ok());
    const auto info = loaded.engine->info("sums", 1);
    EXPECT_EQ(info->signature.inputs.size(), 1U);
    EXPECT_TRUE(info->batchable);
    EXPECT_EQ(sum_of(loaded.engine->infer(add(number(5), 1, true))), 1);
    EXPECT_EQ(sum_of(loaded.engine->infer(add(number(6), 100, true))), 100);
    EXPECT_EQ(sum_of(loaded.engine->infer(add(number(5), 2))), 3);
    EXPECT_EQ(sum_of(loaded.engine->infer(add(number(5), 3, false, true))), 6);
    EXPECT_EQ(sum_of(loaded.engine->infer(add(number(6), 1))), 101);
    EXPECT_EQ(sum_of(loaded.engine->infer(add(number(5), 7, true, true))), 7);
    loaded.engine->drain(kNever);  // the last answer is counted after it is given
    EXPECT_EQ(loaded.engine->stats().models.at(0).success, 6U);
  }
}

TEST(Sequences, ErrorsSayWhatIsMissing) {
  LoadedEngine loaded;
  ASSERT_TRUE(load_sums(loaded, batching(Strategy::direct), 1, 4).ok());
  const auto error = [&](Request request) {
    const Response response = loaded.engine->infer(std::move(request));
    EXPECT_EQ(response.status.code(), Code::invalid_argument);
    return response.status.message();
  };
  EXPECT_EQ(error(add(number(9), 1)),
            "inference request for sequence 9 to model 'sums' must specify the START flag on the "
            "first request of the sequence");
  EXPECT_EQ(error(add(std::string("abc"), 1)),
            "inference request for sequence abc to model 'sums' must specify the START flag on the "
            "first request of the sequence");
  EXPECT_EQ(
      error(add(number(0), 1, true)),
      "inference request to model 'sums' must specify a non-zero or non-empty correlation ID");
  Request two =
      request_for("sums", dense(DType::i32, Shape{2, 1}, std::vector<std::int32_t>{1, 2}), "INPUT");
  two.parameters = {{"sequence_id", number(3)}, {"sequence_start", true}};
  EXPECT_NE(error(std::move(two)).find("must specify batch-size 1"), std::string::npos);
}

TEST(Sequences, CorrelationIdsHaveTheModelsType) {
  LoadedEngine text;
  ASSERT_TRUE(load_sums(text, batching(Strategy::oldest, DType::bytes), 1, 4).ok());
  EXPECT_EQ(sum_of(text.engine->infer(add(std::string("a"), 1, true))), 1);
  EXPECT_EQ(sum_of(text.engine->infer(add(std::string("b"), 10, true))), 10);
  EXPECT_EQ(sum_of(text.engine->infer(add(std::string("a"), 2))), 3);
  EXPECT_EQ(text.engine->infer(add(number(1), 1, true)).status.code(), Code::invalid_argument);
  LoadedEngine narrow;
  ASSERT_TRUE(load_sums(narrow, batching(Strategy::oldest, DType::i32), 1, 4).ok());
  EXPECT_EQ(sum_of(narrow.engine->infer(add(number(7), 1, true))), 1);
  EXPECT_NE(narrow.engine->infer(add(number(std::int64_t{1} << 40), 1, true))
                .status.message()
                .find("does not fit"),
            std::string::npos);
  EXPECT_FALSE(narrow.engine->infer(add(std::string("s"), 1, true)).status.ok());
}

TEST(Sequences, DirectBatchesByRowNeedToKnowWhatIsReady) {
  LoadedEngine loaded;
  SequenceBatching config = batching(Strategy::direct);
  config.control_inputs.pop_back();
  const Status status = load_sums(loaded, config, 1, 4);
  EXPECT_NE(status.message().find("CONTROL_SEQUENCE_READY"), std::string::npos);
  EXPECT_TRUE(load_sums(loaded, config, 1, 1).ok());  // one row is always ready
}

// A model of the engine's own state: y = x + state, state' = y. Stateless itself.
class StatefulByHand final : public Backend {
 public:
  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "by_hand"; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(std::make_unique<Adder>());
  }

 private:
  class Adder final : public Executor {
   public:
    Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
      const auto x = values_of<float>(inputs[0]);
      const auto state = values_of<float>(inputs[1]);
      std::vector<float> sums;
      for (std::size_t i = 0; i < x.size(); ++i) sums.push_back(x[i] + state[i]);
      for (OutputSlot& slot : outputs) slot.tensor = dense(DType::f32, inputs[0].shape, sums);
      return {};
    }
  };
  Signature signature_ = {
      {spec("x", DType::f32, {kAnySize, 2}), spec("in", DType::f32, {kAnySize, 2})},
      {spec("out", DType::f32, {kAnySize, 2}), spec("y", DType::f32, {kAnySize, 2})}};
};

TEST(Sequences, TheEngineKeepsImplicitState) {
  LoadedEngine loaded;
  SequenceBatching config;
  config.strategy = Strategy::oldest;
  SequenceState state;
  state.input_name = "in";
  state.output_name = "out";
  state.dims = {2};
  config.states = {state};
  ModelSource source = LoadedEngine::source("adder", 1, 2);
  source.sequences = config;
  const Status status = loaded.engine->load(source, std::make_unique<StatefulByHand>());
  ASSERT_TRUE(status.ok()) << status.to_string();
  const auto ask = [&](std::int64_t id, float value, bool start, bool only_y = false) {
    Request request = request_for(
        "adder", dense(DType::f32, Shape{1, 2}, std::vector<float>{value, -value}), "x");
    request.parameters = {{"sequence_id", id}, {"sequence_start", start}};
    if (only_y) request.outputs = {"y"};
    const Response response = loaded.engine->infer(std::move(request));
    EXPECT_TRUE(response.status.ok()) << response.status.to_string();
    EXPECT_EQ(response.outputs.size(), 1U);
    EXPECT_EQ(response.outputs.at(0).name, "y");
    return values_of<float>(response.outputs.at(0).tensor);
  };
  using Row = std::vector<float>;
  EXPECT_EQ(ask(1, 1, true), (Row{1, -1}));
  EXPECT_EQ(ask(2, 10, true), (Row{10, -10}));
  EXPECT_EQ(ask(1, 2, false, true), (Row{3, -3}));
  EXPECT_EQ(ask(2, 5, false), (Row{15, -15}));
  EXPECT_EQ(ask(1, 4, true), (Row{4, -4}));  // starts from zero again
  Request hidden = request_for("adder", dense(DType::f32, Shape{1, 2}, Row{0, 0}), "x");
  hidden.outputs = {"out"};
  hidden.parameters = {{"sequence_id", std::int64_t{1}}};
  EXPECT_FALSE(loaded.engine->infer(std::move(hidden)).status.ok());
}

TEST(Sequences, ACancelledRequestEndsItsSequence) {
  LoadedEngine loaded;
  ASSERT_TRUE(load_sums(loaded, batching(Strategy::direct), 1, 1).ok());
  // The one slot is taken, so the second sequence waits where it can be cancelled.
  EXPECT_EQ(sum_of(loaded.engine->infer(add(number(1), 1, true))), 1);
  const auto first = call_for(add(number(2), 1, true));
  const auto second = call_for(add(number(2), 2));
  loaded.engine->submit(first);
  loaded.engine->submit(second);
  first->cancel();
  EXPECT_EQ(sum_of(loaded.engine->infer(add(number(1), 1, false, true))), 2);
  EXPECT_EQ(second->wait().status.code(), Code::cancelled);
  EXPECT_EQ(loaded.engine->infer(add(number(2), 3)).status.code(), Code::invalid_argument);
}

TEST(Sequences, UnloadingFailsWhatWaits) {
  Ref<RecordingCall> waiting;
  {
    LoadedEngine loaded;
    ASSERT_TRUE(load_sums(loaded, batching(Strategy::direct), 1, 1).ok());
    EXPECT_EQ(sum_of(loaded.engine->infer(add(number(1), 1, true))), 1);
    waiting = call_for(add(number(2), 1, true));
    loaded.engine->submit(waiting);
  }
  EXPECT_EQ(waiting->wait().status.code(), Code::unavailable);
}

struct Property {
  Strategy strategy;
  unsigned lanes;
  std::int64_t rows;
};

class SequenceProperty : public ::testing::TestWithParam<Property> {};

// Many threads, each with some sequences in flight at once; more sequences than slots.
TEST_P(SequenceProperty, EverySequenceIsAPlainAccumulator) {
  LoadedEngine loaded;
  const Property& property = GetParam();
  const Status status =
      load_sums(loaded, batching(property.strategy), property.lanes, property.rows);
  ASSERT_TRUE(status.ok()) << status.to_string();
  std::vector<std::jthread> clients;
  for (std::int64_t t = 0; t < 4; ++t) {
    clients.emplace_back([&loaded, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int round = 0; round < 15; ++round) {
        std::vector<std::pair<Ref<RecordingCall>, std::int32_t>> sent;
        std::map<std::int64_t, std::vector<std::int32_t>> left;
        for (std::int64_t s = 1; s <= 3; ++s) {
          auto& values = left[t * 100 + s];
          values.resize(1 + random() % 6);
          for (std::int32_t& value : values) value = static_cast<std::int32_t>(random() % 1000);
        }
        std::map<std::int64_t, std::int32_t> sums;
        std::map<std::int64_t, std::size_t> next;
        std::vector<PendingRef> turn;
        while (!left.empty()) {
          auto it = std::next(left.begin(), static_cast<std::ptrdiff_t>(random() % left.size()));
          const std::int64_t id = it->first;
          const std::size_t at = next[id]++;
          const bool last = at + 1 == it->second.size();
          sums[id] += it->second[at];
          const auto call = call_for(add(number(id), it->second[at], at == 0, last));
          sent.emplace_back(call, sums[id]);
          turn.push_back(call);
          if (random() % 3 == 0) {
            loaded.engine->submit_turn(turn);
            turn.clear();
          }
          if (last) left.erase(it);
        }
        loaded.engine->submit_turn(turn);
        for (const auto& [call, sum] : sent) {
          EXPECT_EQ(sum_of(call->wait()), sum);
          EXPECT_EQ(call->deliveries(), 1);
        }
      }
    });
  }
  clients.clear();
  EXPECT_TRUE(loaded.engine->drain(kNever));
}

INSTANTIATE_TEST_SUITE_P(Strategies, SequenceProperty,
                         ::testing::Values(Property{Strategy::direct, 1, 1},
                                           Property{Strategy::direct, 2, 3},
                                           Property{Strategy::oldest, 1, 4},
                                           Property{Strategy::oldest, 3, 2}));

}  // namespace
}  // namespace mlops::testing
