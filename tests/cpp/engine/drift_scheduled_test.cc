// Which rows count: those of sequences and of answers in parts too, each once, and nobody else's.

#include <gtest/gtest.h>

#include <atomic>

#include "execute/builtin_backends.h"
#include "model/sequence_plan.h"
#include "observe/profile_bytes.h"
#include "observe/reference_build.h"
#include "support/loaded_engine.h"
#include "support/parts_call.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

// Of 0, 1, .. 99: a value is in range when it is below 100.
std::string profile_of(const std::string& input, const std::string& output) {
  std::vector<float> values(100);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  std::vector<StreamReference> streams;
  streams.push_back(numeric_reference({StreamRole::input, input, 0, "x"}, values, {}));
  streams.push_back(numeric_reference({StreamRole::output, output, 0, "y"}, values, {}));
  return profile_bytes({*seal_reference(std::move(streams)), {}});
}

ModelSource source_of(const TemporaryFolder& folder, const std::string& name, unsigned lanes) {
  ModelSource source = LoadedEngine::source(name, 1, lanes);
  source.path = (folder.path() / "model").string();
  return source;
}

CountsTable counts_of(const LoadedEngine& loaded, const std::string& name) {
  const auto seen = loaded.engine->drift(name, 1, {});
  EXPECT_TRUE(seen.ok()) << seen.status().to_string();
  return seen.ok() ? seen->window.counts : CountsTable(2);
}

SequenceControlInput flag_input(const std::string& name, SequenceControl::Kind kind) {
  SequenceControl control;
  control.kind = kind;
  control.int32_false_true = {0, 1};
  return {name, {control}};
}

TEST(DriftOfSequences, OnlyRowsThatSomebodySentCount) {
  const TemporaryFolder folder;
  folder.file("reference.profile", profile_of("INPUT", "OUTPUT"));
  LoadedEngine loaded;
  SequenceBatching config;
  config.idle_us_max = 60'000'000;
  config.control_inputs = {flag_input("START", SequenceControl::Kind::start),
                           flag_input("READY", SequenceControl::Kind::ready)};
  Signature signature = {{spec("INPUT", DType::i32, {kAnySize, 1})},
                         {spec("OUTPUT", DType::i32, {kAnySize, 1})}};
  ASSERT_TRUE(add_sequence_tensors(config, true, signature).ok());
  auto backend = make_builtin_backend("sequence", std::move(signature), {});
  ASSERT_TRUE(backend.ok());
  ModelSource source = source_of(folder, "sums", 1);
  source.batch_rows_max = 4;
  source.sequences = config;
  ASSERT_TRUE(loaded.engine->load(source, *std::move(backend)).ok());
  const auto add = [&](std::int64_t id, std::int32_t value, bool start) {
    Request request = request_for(
        "sums", dense(DType::i32, Shape{1, 1}, std::vector<std::int32_t>{value}), "INPUT");
    request.parameters = {{"sequence_id", id}, {"sequence_start", start}};
    EXPECT_TRUE(loaded.engine->infer(std::move(request)).status.ok());
  };
  // The fourth sequence is in the last row of a batch whose first three have nothing to run.
  for (std::int64_t id = 1; id <= 4; ++id) add(id, 150, true);
  for (int i = 0; i < 5; ++i) add(4, -1, false);
  const CountsTable counts = counts_of(loaded, "sums");
  EXPECT_EQ(counts[0].rows(), 9U);
  EXPECT_EQ(counts[0].own(OwnMass::above_range), 4U);
  EXPECT_EQ(counts[0].own(OwnMass::below_range), 5U);
  EXPECT_EQ(counts[1].own(OwnMass::above_range), 9U);  // 150 and, of the fourth, what is left
  EXPECT_EQ(loaded.engine->stats().models[0].drift->rows_counted, 9U);
}

TEST(DriftOfPartedAnswers, ARequestIsOneRowAndSoIsEachPart) {
  const TemporaryFolder folder;
  folder.file("reference.profile", profile_of("IN", "OUT"));
  LoadedEngine loaded;
  const Signature signature = {{spec("IN", DType::i32, {1})}, {spec("OUT", DType::i32, {1})}};
  auto backend = make_builtin_backend("square", signature, {});
  ASSERT_TRUE(backend.ok());
  ASSERT_TRUE(loaded.engine->load(source_of(folder, "square", 2), *std::move(backend)).ok());
  for (const std::int32_t number : {0, 5, 120}) {
    const auto call = make_ref<PartsCall>(request_for(
        "square", dense(DType::i32, Shape{1}, std::vector<std::int32_t>{number}), "IN"));
    loaded.engine->submit(call);
    call->take_all();
    call->wait();
  }
  ASSERT_TRUE(loaded.engine->drain(kNever));
  const CountsTable counts = counts_of(loaded, "square");
  EXPECT_EQ(counts[0].rows(), 3U);
  EXPECT_EQ(counts[0].own(OwnMass::missing), 0U);
  EXPECT_EQ(counts[0].own(OwnMass::above_range), 1U);
  EXPECT_EQ(counts[1].rows(), 125U);
  EXPECT_EQ(counts[1].own(OwnMass::missing), 0U);
  EXPECT_EQ(counts[1].own(OwnMass::above_range), 120U);
}

// Answers a batch of several rows with one row too few, which shows only when it is shared out.
class ForgetfulBackend final : public Backend {
 public:
  explicit ForgetfulBackend(std::shared_ptr<Gate> gate)
      : echo_(std::move(gate), echo_signature()) {}

  const Signature& signature() const override { return echo_.signature(); }
  std::string_view platform() const override { return "forgetful"; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(
        std::make_unique<ForgetfulExecutor>(*echo_.make_executor(), forgets));
  }

  std::atomic<bool> forgets = false;

 private:
  class ForgetfulExecutor final : public Executor {
   public:
    ForgetfulExecutor(std::unique_ptr<Executor> echo, const std::atomic<bool>& forgets)
        : echo_(std::move(echo)), forgets_(forgets) {}
    Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
      if (Status s = echo_->run(inputs, outputs); !s.ok()) return s;
      Tensor& answer = outputs.front().tensor;
      const std::int64_t rows = answer.shape[0];
      if (!forgets_ || rows == 1) return {};
      answer.shape.set(0, rows - 1);
      answer.bytes = answer.bytes.first(answer.bytes.size() / static_cast<std::size_t>(rows) *
                                        static_cast<std::size_t>(rows - 1));
      return {};
    }

   private:
    std::unique_ptr<Executor> echo_;
    const std::atomic<bool>& forgets_;
  };

  GateBackend echo_;
};

TEST(DriftOfHalvedBatches, ARowThatRanTwiceCountsOnce) {
  const TemporaryFolder folder;
  folder.file("reference.profile", profile_of("in", "out"));
  LoadedEngine loaded;
  const auto gate = std::make_shared<Gate>();
  auto backend = std::make_unique<ForgetfulBackend>(gate);
  ForgetfulBackend& forgetful = *backend;
  ASSERT_TRUE(loaded.engine->load(source_of(folder, "m", 1), std::move(backend)).ok());
  forgetful.forgets = true;
  gate->forget();
  std::vector<PendingRef> turn;
  for (int i = 0; i < 8; ++i) turn.push_back(call_for(request_for("m", float_rows(1, 200))));
  loaded.engine->submit_turn(turn);
  ASSERT_TRUE(loaded.engine->drain(kNever));
  EXPECT_GT(gate->batches().size(), 8U);  // some ran together first
  const CountsTable counts = counts_of(loaded, "m");
  EXPECT_EQ(counts[0].own(OwnMass::above_range), 8U);
  EXPECT_EQ(counts[1].own(OwnMass::above_range), 8U);
}

}  // namespace
}  // namespace mlops::testing
