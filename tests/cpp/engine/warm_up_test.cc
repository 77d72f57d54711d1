#include "engine/warm_up.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "model/pbtxt.h"
#include "support/gate_backend.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

// Remembers how many rows each run had; echoes "in" as "out".
struct Warmed {
  Status run(const std::string& warmup) {
    const auto tree = parse_pbtxt("model_warmup { name: 'w' " + warmup + " }");
    EXPECT_TRUE(tree.ok()) << tree.status().message();
    const auto config = read_model_config(*tree);
    if (!config.ok()) return config.status();
    return run_model_warmup(*executor, backend.signature(), config->config, folder.path());
  }

  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  GateBackend backend{gate, echo_signature()};
  std::unique_ptr<Executor> executor = std::move(backend.make_executor()).value();
  TemporaryFolder folder;
};

using Rows = std::vector<std::int64_t>;

TEST(WarmUp, TriesEveryBatchSize) {
  Warmed model;
  warm_batches(*model.executor, model.backend.signature(), 1, 16, std::chrono::hours(1),
               SteadyClock());
  EXPECT_EQ(model.gate->batches(), (Rows{1, 2, 4, 8, 16}));
}

TEST(WarmUp, EndsWhenItsTimeIsSpent) {
  Warmed model;
  warm_batches(*model.executor, model.backend.signature(), 1, 1 << 20, Duration{1}, SteadyClock());
  EXPECT_LE(model.gate->batches().size(), 1U);
}

TEST(WarmUp, RunsTheConfiguredSamples) {
  Warmed model;
  EXPECT_TRUE(model
                  .run("batch_size: 3 count: 2 inputs { key: 'in' value { data_type: TYPE_FP32 "
                       "dims: 4 zero_data: true } }")
                  .ok());
  EXPECT_TRUE(model
                  .run("batch_size: 2 inputs { key: 'in' value { data_type: TYPE_FP32 dims: 4 "
                       "random_data: true } }")
                  .ok());
  model.folder.file("warmup/rows", std::string(16, '\0'));
  EXPECT_TRUE(model
                  .run("batch_size: 1 inputs { key: 'in' value { data_type: TYPE_FP32 dims: 4 "
                       "input_data_file: 'rows' } }")
                  .ok());
  EXPECT_EQ(model.gate->batches(), (Rows{3, 3, 2, 1}));
}

TEST(WarmUp, SaysWhyASampleCannotBeRun) {
  Warmed model;
  model.folder.file("warmup/short", "abc");
  const std::pair<const char*, const char*> kCases[] = {
      {"batch_size: 1 inputs { key: 'nope' value { data_type: TYPE_FP32 dims: 4 } }",
       "the model has no input 'nope'"},
      {"batch_size: 1", "no data for input 'in'"},
      {"batch_size: 1 inputs { key: 'in' value { data_type: TYPE_FP64 dims: 4 } }",
       "is not what the model takes: TYPE_FP32 [-1,4]"},
      {"inputs { key: 'in' value { data_type: TYPE_FP32 dims: 4 } }", "TYPE_FP32 [4] is not"},
      {"batch_size: 1 inputs { key: 'in' value { data_type: TYPE_FP32 dims: 4 input_data_file: "
       "'short' } }",
       "has 3 bytes; shape [1,4] needs 16"},
      {"batch_size: 1 inputs { key: 'in' value { data_type: TYPE_FP32 dims: 4 input_data_file: "
       "'none' } }",
       "does not exist"},
  };
  for (const auto& [warmup, error] : kCases) {
    const std::string message = model.run(warmup).message();
    EXPECT_NE(message.find("model_warmup 'w' failed: "), std::string::npos) << message;
    EXPECT_NE(message.find(error), std::string::npos) << warmup << "\n  " << message;
  }
}

}  // namespace
}  // namespace mlops::testing
