// Judges of served versions: who looks when, what the log is told, and what outlives an engine.

#include "engine/drift_keeper.h"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "observe/profile_bytes.h"
#include "observe/reference_build.h"
#include "support/loaded_engine.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

class KeptLog final : public LogSink {
 public:
  void log(Severity, std::string_view message) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(message);
  }
  std::size_t count(std::string_view start) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(lines_, [&](const auto& line) { return line.starts_with(start); }));
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

ModelSource judged(const TemporaryFolder& folder, float scale = 1) {
  std::vector<float> values(2000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = scale * static_cast<float>(i);
  std::vector<StreamReference> streams;
  streams.push_back(numeric_reference({StreamRole::input, "in", 0, "x \"1\""}, values, {}));
  folder.file("reference.profile", profile_bytes({*seal_reference(std::move(streams)), {}}));
  ModelSource source = LoadedEngine::source("m");
  source.path = (folder.path() / "model.onnx").string();
  return source;
}

struct KeptEngine {
  explicit KeptEngine(EngineOptions options) { engine = *Engine::create(std::move(options), log); }
  void load(const ModelSource& source) {
    ASSERT_TRUE(engine->load(source, *make_echo_backend(echo_signature())).ok());
  }
  // Rows above the reference's range, until the judge says so; an echo's rows are mostly left out.
  JudgeView until_alert() {
    JudgeView view;
    for (int i = 0; i < 5000 && view.active.empty(); ++i) {
      EXPECT_TRUE(engine->infer(request_for("m", float_rows(64, 1e6F))).status.ok());
      view = *engine->drift_alerts("m", 1, 0);
    }
    return view;
  }

  KeptLog log;
  std::unique_ptr<Engine> engine;
};

TEST(DriftKeeper, AlertsAreLoggedOnceAndOutliveTheEngine) {
  const TemporaryFolder folder;
  EngineOptions options;
  options.drift.state_directory = (folder.path() / "state").string();
  const ModelSource source = judged(folder);
  std::uint64_t rows = 0;
  {
    KeptEngine kept(options);
    kept.load(source);
    const JudgeView view = kept.until_alert();
    ASSERT_EQ(view.active.size(), 1U);
    EXPECT_EQ(view.active[0].alert.cells[0].cell,
              32U + static_cast<unsigned>(OwnMass::above_range));
    EXPECT_FALSE(view.active[0].samples.empty());
    EXPECT_EQ(kept.log.count("drift event=raised number=1 model=\"m\" version=1 "), 1U);
    EXPECT_EQ(kept.engine->stats().models[0].judge->active.size(), 1U);
    const std::string page = metrics_text(kept.engine->stats());
    EXPECT_NE(
        page.find("mlops_drift_alert_effect{model=\"m\",version=\"1\",stream=\"x \\\"1\\\"\""),
        std::string::npos);
    rows = view.rows;
  }
  {
    KeptEngine kept(options);
    kept.load(source);
    const JudgeView view = *kept.engine->drift_alerts("m", 1, 0);
    EXPECT_EQ(view.active.size(), 1U);
    EXPECT_EQ(view.rows, rows);
    EXPECT_EQ(view.last_event, 1U);
    // A version that takes its place knows it too; an unloaded one has written it down.
    kept.load(source);
    EXPECT_EQ(kept.engine->drift_alerts("m", 1, 0)->rows, rows);
    ASSERT_TRUE(kept.engine->unload("m", 1).ok());
    kept.load(source);
    EXPECT_EQ(kept.engine->drift_alerts("m", 1, 0)->active.size(), 1U);
    ASSERT_TRUE(kept.engine->reset_drift("m", 1).ok());
    EXPECT_TRUE(kept.engine->drift_alerts("m", 1, 0)->active.empty());
  }
  KeptEngine kept(options);
  kept.load(judged(folder, 2));
  EXPECT_EQ(kept.engine->drift_alerts("m", 1, 0)->rows, 0U);
  EXPECT_EQ(kept.log.count("drift of model 'm' version 1 is judged anew"), 1U);
}

TEST(DriftKeeper, NobodyWaitsForItsRounds) {
  const TemporaryFolder folder;
  EngineOptions options;
  options.drift.round = std::chrono::milliseconds(10);
  options.drift.save_every = std::chrono::milliseconds(10);
  options.drift.state_directory = (folder.path() / "state").string();
  KeptEngine kept(options);
  kept.load(judged(folder));
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] {
      for (int row = 0; row < 1000; ++row) {
        EXPECT_TRUE(kept.engine->infer(request_for("m", float_rows(1, 10))).status.ok());
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(kept.engine->drift_alerts("m", 1, 0).ok());
    (void)kept.engine->stats();
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(kept.engine->drift_alerts("m", 1, 0)->rows,
            kept.engine->drift("m", 1, {})->window.counts[0].rows());
}

TEST(DriftKeeper, SettingsThatCannotBeAreRefused) {
  KeptLog log;
  for (const auto& spoil : std::initializer_list<void (*)(DriftSettings&)>{
           [](DriftSettings& drift) { drift.judge.average_run_rows = 10; },
           [](DriftSettings& drift) { drift.judge.margin = -1; },
           [](DriftSettings& drift) { drift.judge.effect_warning = 1; },
           [](DriftSettings& drift) { drift.judge.retrain_share = 2; },
           [](DriftSettings& drift) { drift.round = Duration(0); }}) {
    EngineOptions options;
    spoil(options.drift);
    EXPECT_EQ(Engine::create(options, log).status().code(), Code::invalid_argument);
  }
}

}  // namespace
}  // namespace mlops::testing
