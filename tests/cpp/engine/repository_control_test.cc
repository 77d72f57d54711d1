#include "engine/repository_control.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "execute/echo_backend.h"
#include "model/pbtxt.h"
#include "support/requests.h"
#include "support/temporary_folder.h"

namespace mlops {
namespace {

// Model files say "echo" or why they cannot be loaded.
Result<std::unique_ptr<Backend>> echo_or_error(const ModelSource& source) {
  const std::string content = testing::read_file(source.path);
  if (!content.starts_with("echo")) return Status::invalid_argument(content);
  return make_echo_backend(testing::echo_signature());
}

class RepositoryControlTest : public ::testing::Test {
 protected:
  RepositoryControlTest() {
    EngineOptions options;
    options.lanes = 1;
    options.make_backend = echo_or_error;
    engine_ = std::move(Engine::create(std::move(options), log_)).value();
  }

  RepositoryControl& open(RepositoryMode mode, std::vector<std::string> load_at_start = {}) {
    RepositoryOptions options;
    options.directories = {root_.path()};
    options.mode = mode;
    options.load_at_start = std::move(load_at_start);
    options.scratch_directory = scratch_.path();
    options.load_threads = 2;
    control_ = std::make_unique<RepositoryControl>(*engine_, log_, std::move(options));
    return *control_;
  }

  Status load(const std::string& model) { return control_->load({model, nullptr, {}}); }

  static std::shared_ptr<const ModelConfig> config(std::string_view text) {
    return std::make_shared<const ModelConfig>(read_model_config(*parse_pbtxt(text))->config);
  }

  std::string index(bool ready_only = false) const {
    std::string text;
    for (const IndexEntry& entry : control_->index(ready_only)) {
      text += entry.name + "/" + std::to_string(entry.version) + " " +
              std::string(state_name(entry.state)) + " " + entry.reason + "\n";
    }
    return text;
  }

  // The index when the last request of everything that leaves has been let go.
  std::string settled_index() const {
    while (!engine_->retiring().empty()) std::this_thread::yield();
    return index();
  }

  std::string versions(const std::string& model) const {
    std::string text;
    const auto info = engine_->info(model, kAnyVersion);
    if (!info.ok()) return "none";
    for (const std::int64_t version : info->versions) text += std::to_string(version) + " ";
    return text;
  }

  NullLog log_;
  testing::TemporaryFolder root_, scratch_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<RepositoryControl> control_;
};

TEST_F(RepositoryControlTest, LoadsEverythingOnceAndSaysWhatFailed) {
  root_.file("a/1/model.onnx", "echo");
  root_.file("a/2/model.onnx", "echo");
  root_.file("b/1/model.onnx", "no such operator");
  root_.file("empty/readme", "");
  const Status started = open(RepositoryMode::none).start();
  EXPECT_EQ(started.message(),
            "load failed for model 'b': version 1 is at UNAVAILABLE state: no such operator;");
  EXPECT_EQ(index(),
            "a/2 READY \n"
            "b/1 UNAVAILABLE no such operator\n"
            "empty/0 UNAVAILABLE no <version>/model.onnx inside\n");
  EXPECT_EQ(index(true), "a/2 READY \n");
  EXPECT_FALSE(control_->ready());
  EXPECT_EQ(load("a").code(), Code::unavailable);
  EXPECT_EQ(control_->unload("a", false).message(),
            "explicit model load / unload is not allowed if polling is enabled");
}

TEST_F(RepositoryControlTest, FollowsVersionPoliciesAndLabels) {
  root_.file("a/config.pbtxt",
             "version_policy { all {} }"
             "parameters { key: 'version_label.stable' value { string_value: '1' } }"
             "parameters { key: 'version_label.canary' value { string_value: '2' } }");
  root_.file("a/1/model.onnx", "echo");
  root_.file("a/2/model.onnx", "echo");
  ASSERT_TRUE(open(RepositoryMode::none).start().ok());
  EXPECT_EQ(versions("a"), "1 2 ");
  EXPECT_EQ(engine_->info("a", kAnyVersion)->version, 1);
  Request request = testing::request_for("a", testing::float_rows(1, 1));
  request.parameters.push_back({"version_label", std::string("canary")});
  EXPECT_EQ(engine_->infer(std::move(request)).version, 2);
  Request unknown = testing::request_for("a", testing::float_rows(1, 1));
  unknown.parameters.push_back({"version_label", std::string("beta")});
  EXPECT_EQ(engine_->infer(std::move(unknown)).status.code(), Code::not_found);
}

TEST_F(RepositoryControlTest, ALabelMustNameAVersionThatServes) {
  root_.file("a/config.pbtxt",
             "parameters { key: 'version_label.stable' value { string_value: '7' } }");
  root_.file("a/1/model.onnx", "echo");
  EXPECT_NE(open(RepositoryMode::none).start().message().find("is no version that serves"),
            std::string::npos);
  EXPECT_FALSE(control_->ready());
  EXPECT_NE(index().find("a/0 UNAVAILABLE parameter 'version_label.stable' is '7'"),
            std::string::npos);
}

TEST_F(RepositoryControlTest, LoadsAndUnloadsWhatIsAskedFor) {
  root_.file("a/1/model.onnx", "echo");
  root_.file("b/1/model.onnx", "echo");
  ASSERT_TRUE(open(RepositoryMode::explicit_loads, {"a"}).start().ok());
  EXPECT_EQ(index(), "a/1 READY \nb/0 UNAVAILABLE \n");
  EXPECT_TRUE(load("b").ok());
  EXPECT_TRUE(control_->unload("a", false).ok());
  EXPECT_EQ(settled_index(), "a/1 UNAVAILABLE unloaded\nb/1 READY \n");
  EXPECT_TRUE(control_->unload("unknown", false).ok());
  EXPECT_TRUE(load("a").ok());
  EXPECT_EQ(versions("a"), "1 ");
}

TEST_F(RepositoryControlTest, SaysWhyALoadFailed) {
  root_.file("a/3/model.onnx", "broken");
  open(RepositoryMode::explicit_loads);
  EXPECT_EQ(load("nope").message(),
            "failed to load 'nope', failed to poll from model repository: model not found in any "
            "model repository");
  EXPECT_EQ(load("nope").code(), Code::internal);
  EXPECT_EQ(load("../x").message(), "model name must not contain path traversal characters");
  EXPECT_EQ(load(" ").message(),
            "Model name cannot be empty. Please enter a valid name to deploy.");
  EXPECT_EQ(load("a").message(),
            "load failed for model 'a': version 3 is at UNAVAILABLE state: broken;");
  root_.file("b/config.pbtxt", "version_policy { specific { versions: 9 } }");
  root_.file("b/1/model.onnx", "echo");
  EXPECT_EQ(load("b").message(), "failed to load 'b', no version is available");
  EXPECT_TRUE(control_->ready()) << "what is asked for later does not decide on readiness";
}

TEST_F(RepositoryControlTest, AFailedReloadLeavesTheOldVersionServing) {
  root_.file("a/1/model.onnx", "echo");
  open(RepositoryMode::explicit_loads);
  ASSERT_TRUE(load("a").ok());
  root_.file("a/1/model.onnx", "broken now");
  EXPECT_FALSE(load("a").ok());
  EXPECT_EQ(index(), "a/1 READY the last reload failed: broken now\n");
  EXPECT_TRUE(engine_->infer(testing::request_for("a", testing::float_rows(1, 1))).status.ok());
  root_.file("a/1/model.onnx", "echo again");
  EXPECT_TRUE(load("a").ok());
  EXPECT_EQ(index(), "a/1 READY \n");
}

TEST_F(RepositoryControlTest, OneBadVersionKeepsTheWholeSetAway) {
  root_.file("a/config.pbtxt", "version_policy { all {} }");
  root_.file("a/1/model.onnx", "echo");
  open(RepositoryMode::explicit_loads);
  ASSERT_TRUE(load("a").ok());
  root_.file("a/2/model.onnx", "echo");
  root_.file("a/3/model.onnx", "broken");
  EXPECT_FALSE(load("a").ok());
  EXPECT_EQ(versions("a"), "1 ");
  EXPECT_EQ(index(),
            "a/1 READY \n"
            "a/2 UNAVAILABLE another version could not be loaded\n"
            "a/3 UNAVAILABLE broken\n");
}

TEST_F(RepositoryControlTest, AConfigurationOfARequestStaysUntilTheModelIsUnloaded) {
  for (const char* version : {"1", "2", "3"}) {
    root_.file("a/" + std::string(version) + "/model.onnx", "echo");
  }
  open(RepositoryMode::explicit_loads);
  ASSERT_TRUE(
      control_->load({"a", config("version_policy { specific { versions: 2 } }"), {}}).ok());
  EXPECT_EQ(versions("a"), "2 ");
  EXPECT_TRUE(load("a").ok());
  EXPECT_EQ(versions("a"), "2 ");
  EXPECT_TRUE(control_->unload("a", false).ok());
  EXPECT_TRUE(load("a").ok());
  EXPECT_EQ(versions("a"), "3 ");
}

TEST_F(RepositoryControlTest, FilesOfARequestTakeThePlaceOfTheFolder) {
  root_.file("a/3/model.onnx", "echo");
  open(RepositoryMode::explicit_loads);
  ASSERT_TRUE(load("a").ok());
  EXPECT_TRUE(control_->load({"a", nullptr, {{"1/model.onnx", "echo"}}})
                  .message()
                  .starts_with("failed to load 'a', failed to poll from model repository"));
  EXPECT_EQ(versions("a"), "3 ");
  EXPECT_EQ(control_->load({"a", config(""), {{"../x", "echo"}}}).code(), Code::internal);
  EXPECT_FALSE(control_->load({"a", config(""), {{"1/model.onnx", "broken"}}}).ok());
  EXPECT_EQ(versions("a"), "3 ");
  ASSERT_TRUE(control_->load({"a", config(""), {{"1/model.onnx", "echo"}}}).ok());
  EXPECT_EQ(versions("a"), "1 ");
  ASSERT_TRUE(control_->load({"new", config(""), {{"1/model.onnx", "echo"}}}).ok());
  EXPECT_EQ(versions("new"), "1 ");
  EXPECT_TRUE(control_->unload("a", false).ok());
  EXPECT_TRUE(control_->unload("new", false).ok());
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path()));
  EXPECT_TRUE(load("a").ok());
  EXPECT_EQ(versions("a"), "3 ");
}

TEST_F(RepositoryControlTest, PollingActsOnWhatHasSettled) {
  root_.file("a/1/model.onnx", "echo");
  open(RepositoryMode::poll);
  ASSERT_TRUE(control_->start().ok());
  EXPECT_EQ(control_->poll(), 0U);
  root_.file("a/2/model.onnx", "echo");
  root_.file("b/1/model.onnx", "echo");
  EXPECT_EQ(control_->poll(), 0U) << "it may still be on its way";
  EXPECT_EQ(control_->poll(), 2U);
  EXPECT_EQ(versions("a"), "2 ");
  EXPECT_EQ(versions("b"), "1 ");
  root_.file("b/1/model.onnx", "broken");
  control_->poll();
  EXPECT_EQ(control_->poll(), 1U);
  EXPECT_EQ(control_->poll(), 0U) << "a failure is not tried again until something changes";
  EXPECT_EQ(versions("b"), "1 ");
  std::filesystem::remove_all(root_.path() / "b");
  control_->poll();
  EXPECT_EQ(control_->poll(), 1U);
  EXPECT_EQ(versions("b"), "none");
  EXPECT_EQ(settled_index(), "a/1 UNAVAILABLE unloaded\na/2 READY \n");
}

TEST_F(RepositoryControlTest, AModelInTwoDirectoriesIsNeither) {
  const testing::TemporaryFolder other;
  root_.file("a/1/model.onnx", "echo");
  other.file("a/1/model.onnx", "echo");
  RepositoryOptions options;
  options.directories = {root_.path(), other.path()};
  RepositoryControl control(*engine_, log_, std::move(options));
  EXPECT_NE(control.start().message().find("not unique across all model repositories"),
            std::string::npos);
  EXPECT_EQ(versions("a"), "none");
}

TEST_F(RepositoryControlTest, SwapsLoseNoRequest) {
  root_.file("a/1/model.onnx", "echo");
  open(RepositoryMode::explicit_loads);
  ASSERT_TRUE(load("a").ok());
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> answered{0}, failed{0};
  std::vector<std::jthread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        const Response response =
            engine_->infer(testing::request_for("a", testing::float_rows(1, 1)));
        ++(response.status.ok() ? answered : failed);
      }
    });
  }
  for (int i = 2; i < 40; ++i) {
    // By turns another version and another file in the place of the same version.
    const int version = i / 2;
    root_.file("a/" + std::to_string(version) + "/model.onnx", "echo" + std::string(i, '.'));
    ASSERT_TRUE(load("a").ok());
    const std::uint64_t before = answered;
    while (answered == before && failed == 0) std::this_thread::yield();
  }
  stop = true;
  clients.clear();
  EXPECT_EQ(failed, 0U);
  EXPECT_GT(answered, 38U);
}

}  // namespace
}  // namespace mlops
