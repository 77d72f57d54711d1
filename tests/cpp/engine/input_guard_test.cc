// Values that the reference does not know: refused or replaced before they run, as declared.

#include "engine/input_guard.h"

#include <gtest/gtest.h>

#include <limits>

#include "observe/profile_bytes.h"
#include "observe/reference_build.h"
#include "support/loaded_engine.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

// Columns 0 and 1 of "in" are numbers, 0 to 99; column 3 is a category, 1 or 2.
ReferencePtr reference() {
  std::vector<float> values(100);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const std::vector<double> kinds = {1, 2, 1, 2};
  std::vector<StreamReference> streams;
  streams.push_back(numeric_reference({StreamRole::input, "in", 0, "distance"}, values, {}));
  streams.push_back(numeric_reference({StreamRole::input, "in", 1, "delay"}, values, {}));
  streams.push_back(number_categories({StreamRole::input, "in", 3, "carrier"}, kinds, {}));
  streams.push_back(numeric_reference({StreamRole::output, "out", 0, "y"}, values, {}));
  return *seal_reference(std::move(streams));
}

using Parameters = std::map<std::string, std::string>;

struct Guarded {
  explicit Guarded(const Parameters& parameters, DType dtype = DType::f32) {
    auto made = InputGuard::create(*reference(), echo_signature(dtype), *guard_options(parameters));
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    if (made.ok()) guard = *std::move(made);
  }

  Status check(const std::vector<float>& rows) {
    const auto count = static_cast<std::int64_t>(rows.size() / 4);
    request = request_for("m", dense(DType::f32, {count, 4}, rows));
    return guard->check(request, {});
  }
  std::vector<float> after() const { return values_of<float>(request.inputs[0].tensor); }

  std::shared_ptr<InputGuard> guard;
  Request request;
};

TEST(InputGuard, RefusesWhatIsDeclaredAndNamesIt) {
  Guarded guarded(Parameters{
      {"guard_missing", "reject"}, {"guard_range", "reject"}, {"guard_new_category", "reject"}});
  EXPECT_TRUE(guarded.check({0, 99, kMissing, 1, 5, 5, 1e9F, 2}).ok());  // column 2 is of no stream
  const auto refused = [&](const std::vector<float>& rows, const char* why) {
    const Status status = guarded.check(rows);
    EXPECT_EQ(status.code(), Code::invalid_argument);
    EXPECT_NE(status.message().find(why), std::string::npos) << status.message();
  };
  refused({0, 0, 0, 1, 0, kMissing, 0, 1}, "'delay' is missing: row 1, column 1 of input 'in'");
  refused({-1, 0, 0, 1}, "'distance' is out of the reference's range");
  refused({99.5F, 0, 0, 1}, "'distance' is out of the reference's range");
  refused({std::numeric_limits<float>::infinity(), 0, 0, 1}, "range");
  refused({0, 0, 0, 3}, "'carrier' is of a category");
  refused({0, 0, 0, kMissing}, "'carrier' is missing");
  EXPECT_EQ(guarded.guard->counts().requests_rejected, 6U);
}

TEST(InputGuard, EachVerdictHasItsOwnAction) {
  Guarded guarded(Parameters{{"guard_range", "reject"}});
  EXPECT_TRUE(guarded.check({kMissing, 0, 0, 7}).ok());
  EXPECT_FALSE(guarded.check({kMissing, 100, 0, 7}).ok());
  Guarded missing(Parameters{{"guard_missing", "reject"}});
  EXPECT_TRUE(missing.check({1e9F, 0, 0, 7}).ok());
  EXPECT_FALSE(missing.check({1e9F, kMissing, 0, 7}).ok());
}

TEST(InputGuard, ReplacesInACopyByWhatIsDeclaredOrTheMedian) {
  Guarded guarded(Parameters{
      {"guard_missing", "impute"}, {"guard_range", "impute"}, {"guard_values", "delay=7.5"}});
  std::vector<float> rows = {kMissing, kMissing, kMissing, kMissing, 5, -4, 0, 9};
  ASSERT_TRUE(guarded.check(rows).ok());
  const float median = reference()->streams[0].numeric.median;
  const std::vector<float> after = guarded.after();
  EXPECT_EQ(after[0], median);
  EXPECT_EQ(after[1], 7.5F);
  EXPECT_TRUE(std::isnan(after[2]));
  EXPECT_TRUE(std::isnan(after[3]));  // a category has no value to put there
  EXPECT_EQ(after[4], 5);
  EXPECT_EQ(after[5], 7.5F);
  EXPECT_EQ(guarded.guard->counts().values_imputed, 3U);
  const Tensor callers = dense(DType::f32, {1, 4}, std::vector<float>{kMissing, 0, 0, 1});
  Request request = request_for("m", callers);
  ASSERT_TRUE(guarded.guard->check(request, {}).ok());
  EXPECT_TRUE(std::isnan(values_of<float>(callers)[0]));
  EXPECT_EQ(values_of<float>(request.inputs[0].tensor)[0], median);
}

TEST(InputGuard, ADeclaredRangeStandsInPlaceOfTheReferences) {
  Guarded guarded(Parameters{{"guard_range", "reject"}, {"guard_ranges", "distance=15:5000"}});
  EXPECT_TRUE(guarded.check({5000, 0, 0, 1, 15, 99, 0, 1}).ok());
  EXPECT_NE(guarded.check({14, 0, 0, 1}).message().find("'distance' is out of its declared range"),
            std::string::npos);
  EXPECT_FALSE(guarded.check({5001, 0, 0, 1}).ok());
  EXPECT_FALSE(guarded.check({20, 100, 0, 1}).ok());  // of the reference still
  EXPECT_TRUE(guarded.check({kMissing, 0, 0, 1}).ok());
  for (const char* ranges : {"distance", "distance=1", "distance=2:1", "distance=nan:1", "=1:2"}) {
    EXPECT_FALSE(guard_options({{"guard_ranges", ranges}}).ok()) << ranges;
  }
  for (const char* ranges : {"other=1:2", "carrier=1:2"}) {
    const auto made = InputGuard::create(*reference(), echo_signature(DType::f32),
                                         *guard_options({{"guard_ranges", ranges}}));
    EXPECT_FALSE(made.ok()) << ranges;
  }
}

TEST(InputGuard, ManyRowsAndNoRowsAreLookedAt) {
  Guarded guarded(Parameters{{"guard_missing", "reject"}});
  EXPECT_TRUE(guarded.check({}).ok());
  std::vector<float> rows(4 * 5000, 1);
  EXPECT_TRUE(guarded.check(rows).ok());
  rows[4 * 4999] = kMissing;
  EXPECT_NE(guarded.check(rows).message().find("row 4999"), std::string::npos);
}

TEST(InputGuard, MistakesOfTheDeclarationAreNamed) {
  EXPECT_FALSE(guard_options({{"guard_missing", "maybe"}}).ok());
  EXPECT_FALSE(guard_options({{"guard_mising", "reject"}}).ok());
  EXPECT_FALSE(guard_options({{"guard_missing", "reject"}, {"guard_ranks", "a=1:2"}}).ok());
  EXPECT_FALSE(guard_options({{"guard_new_category", "impute"}}).ok());
  for (const char* values : {"delay", "delay=", "=1", "delay=x", "delay=nan", "a=1,,b=2"}) {
    EXPECT_FALSE(guard_options({{"guard_values", values}}).ok()) << values;
  }
  const auto create = [](const std::map<std::string, std::string>& parameters, DType dtype) {
    return InputGuard::create(*reference(), echo_signature(dtype), *guard_options(parameters));
  };
  EXPECT_FALSE(create({{"guard_values", "other=1"}}, DType::f32).ok());
  EXPECT_FALSE(create({{"guard_range", "impute"}}, DType::i32).ok());
  EXPECT_TRUE(create({{"guard_range", "reject"}}, DType::i32).ok());
  EXPECT_FALSE(guard_options({})->any());
}

TEST(InputGuard, SaysWhichVersionAnswersInstead) {
  Guarded guarded(
      Parameters{{"guard_missing", "route"}, {"guard_range", "reject"}, {"guard_route", "2"}});
  const auto elsewhere = [&](const std::vector<float>& row) {
    const Request request = request_for("m", dense(DType::f32, {1, 4}, row));
    return guarded.guard->elsewhere(request, {});
  };
  EXPECT_EQ(elsewhere({0, 0, 0, 1}), std::nullopt);
  EXPECT_EQ(elsewhere({0, 1e9F, 0, 1}), std::nullopt);
  EXPECT_EQ(elsewhere({0, kMissing, 0, 1}), 2);
  EXPECT_EQ(elsewhere({1e9F, 0, 0, kMissing}), 2);
  // Whoever came here all the same is refused.
  EXPECT_EQ(guarded.check({0, kMissing, 0, 1}).code(), Code::unavailable);
  EXPECT_FALSE(guard_options({{"guard_missing", "route"}}).ok());
  EXPECT_FALSE(guard_options({{"guard_route", "2"}}).ok());
  for (const char* version : {"", "0", "-1", "two", "2x", "99999999999999999999"}) {
    EXPECT_FALSE(guard_options({{"guard_missing", "route"}, {"guard_route", version}}).ok());
  }
}

// Version 1 sends rows that lack a value to version 2, which is not guarded.
TEST(InputGuard, AnotherVersionAnswers) {
  const TemporaryFolder folder;
  folder.file("reference.profile", profile_bytes({reference(), {}}));
  LoadedEngine loaded;
  const auto load = [&](std::int64_t version) {
    ModelSource source = LoadedEngine::source("m");
    source.version = version;
    source.path = (folder.path() / "model.onnx").string();
    auto config = std::make_shared<ModelConfig>();
    config->parameters = {{"drift", version == 1 ? "on" : "off"}};
    if (version == 1) {
      config->parameters["guard_missing"] = "route";
      config->parameters["guard_route"] = "2";
    }
    source.config = std::move(config);
    return loaded.engine->load(source, make_echo_backend(echo_signature()).value());
  };
  ASSERT_TRUE(load(1).ok());
  const auto ask = [&](float value) {
    Request request =
        request_for("m", dense(DType::f32, {1, 4}, std::vector<float>{value, 1, 1, 1}));
    request.version = 1;
    return loaded.engine->infer(std::move(request));
  };
  EXPECT_EQ(ask(kMissing).status.code(), Code::unavailable);
  ASSERT_TRUE(load(2).ok());
  EXPECT_EQ(ask(5).version, 1);
  const Response other = ask(kMissing);
  ASSERT_TRUE(other.status.ok()) << other.status.to_string();
  EXPECT_EQ(other.version, 2);
  std::uint64_t routed = 0;
  for (const ModelStats& model : loaded.engine->stats().models) {
    if (model.guard) routed += model.guard->requests_routed;
  }
  EXPECT_EQ(routed, 1U);
}

TEST(InputGuard, StandsBeforeTheModel) {
  const TemporaryFolder folder;
  folder.file("reference.profile", profile_bytes({reference(), {}}));
  const auto load = [&](LoadedEngine& loaded, const char* what) {
    auto config = std::make_shared<ModelConfig>();
    config->parameters["guard_missing"] = what;
    ModelSource source = LoadedEngine::source("m");
    source.path = (folder.path() / "model.onnx").string();
    source.config = std::move(config);
    auto backend = make_echo_backend(echo_signature());
    return loaded.engine->load(source, *std::move(backend));
  };
  const Tensor row = dense(DType::f32, {1, 4}, std::vector<float>{kMissing, 1, 1, 1});
  LoadedEngine strict;
  ASSERT_TRUE(load(strict, "reject").ok());
  EXPECT_EQ(strict.engine->infer(request_for("m", row)).status.code(), Code::invalid_argument);
  EXPECT_EQ(strict.engine->stats().models[0].guard->requests_rejected, 1U);
  EXPECT_EQ(strict.engine->drift("m", 1, {})->window.counts[0].rows(), 0U);
  LoadedEngine lenient;
  ASSERT_TRUE(load(lenient, "impute").ok());
  const Response answer = lenient.engine->infer(request_for("m", row));
  ASSERT_TRUE(answer.status.ok()) << answer.status.to_string();
  EXPECT_EQ(values_of<float>(answer.outputs[0].tensor)[0], reference()->streams[0].numeric.median);
  LoadedEngine none;
  ASSERT_TRUE(load(none, "pass").ok());
  EXPECT_FALSE(none.engine->stats().models[0].guard.has_value());
  LoadedEngine wrong;
  EXPECT_EQ(load(wrong, "maybe").code(), Code::invalid_argument);
}

}  // namespace
}  // namespace mlops::testing
