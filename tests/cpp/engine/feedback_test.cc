#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/loaded_engine.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

// Says what was right at the earliest moment that anybody can: when the answer is there.
class LabelledAtOnce final : public Pending {
 public:
  LabelledAtOnce(Request from, Engine& engine) : engine_(engine) { request = std::move(from); }

  std::vector<Joined> joined;

 private:
  void deliver(Response&& response) noexcept override {
    ASSERT_TRUE(response.status.ok()) << response.status.to_string();
    const Feedback label{FeedbackKind::label, response.id, 2};
    const Result<std::vector<Joined>> taken = engine_.feedback("m", {&label, 1});
    ASSERT_TRUE(taken.ok()) << taken.status().to_string();
    joined = *taken;
  }

  Engine& engine_;
};

Request row(const std::string& id) {
  Request request =
      request_for("m", dense(DType::f32, Shape{1, 4}, std::vector<float>{0, 0, 1, 0}));
  request.id = id;
  return request;
}

TEST(FeedbackOnThePath, ALabelWithTheAnswerInHandIsJoined) {
  LoadedEngine loaded;
  ModelSource source = LoadedEngine::source("m", 1, 1);
  auto config = std::make_shared<ModelConfig>();
  config->parameters["feedback"] = "classes";
  source.config = config;
  const auto gate = loaded.load_gated(source);
  gate->close();
  std::vector<Ref<LabelledAtOnce>> calls;
  for (int i = 0; i < 4; ++i) {
    calls.push_back(make_ref<LabelledAtOnce>(row("r" + std::to_string(i)), *loaded.engine));
    loaded.engine->submit(calls.back());
  }
  gate->open();
  EXPECT_TRUE(loaded.engine->drain(kNever));
  for (const auto& call : calls) EXPECT_EQ(call->joined, std::vector<Joined>{Joined::joined});
}

}  // namespace
}  // namespace mlops::testing
