#include "model/ensemble_plan.h"

#include <gtest/gtest.h>

#include <map>

#include "model/pbtxt.h"

namespace mlops {
namespace {

TensorSpec spec(const std::string& name, DType dtype, std::vector<std::int64_t> dims) {
  std::vector<std::string> symbols(dims.size());
  return {name, dtype, std::move(dims), std::move(symbols), true};
}

// "scale": x -> y, "add": a, b -> sum, "words": t -> n; four floats a row.
Result<Signature> member(const std::string& model, std::int64_t version) {
  const std::vector<std::int64_t> rows = {kAnySize, 4};
  if (version > 1) return Status::not_found("no version " + std::to_string(version));
  if (model == "scale") {
    return Signature{{spec("x", DType::f32, rows)}, {spec("y", DType::f32, rows)}};
  }
  if (model == "add") {
    return Signature{{spec("a", DType::f32, rows), spec("b", DType::f32, rows)},
                     {spec("sum", DType::f32, rows)}};
  }
  if (model == "words") {
    return Signature{{spec("t", DType::bytes, {kAnySize})}, {spec("n", DType::i64, {kAnySize})}};
  }
  return Status::not_found("no model '" + model + "'");
}

std::string step(const std::string& model, const std::map<std::string, std::string>& inputs,
                 const std::map<std::string, std::string>& outputs) {
  std::string text = "step { model_name: '" + model + "' ";
  for (const auto& [key, value] : inputs) {
    text += "input_map { key: '" + key + "' value: '" + value + "' } ";
  }
  for (const auto& [key, value] : outputs) {
    text += "output_map { key: '" + key + "' value: '" + value + "' } ";
  }
  return text + "} ";
}

Result<EnsemblePlan> plan(const std::string& steps, const std::string& in = "dims: 4",
                          const std::string& out = "dims: 4") {
  const auto tree =
      parse_pbtxt("platform: 'ensemble' max_batch_size: 8 input { name: 'IN' " + in +
                  " } output { name: 'OUT' " + out + " } ensemble_scheduling { " + steps + "}");
  EXPECT_TRUE(tree.ok()) << tree.status().message();
  const auto config = read_model_config(*tree);
  if (!config.ok()) return config.status();
  return plan_ensemble(config->config, member);
}

std::string plan_error(const std::string& steps) { return plan(steps).status().message(); }

TEST(EnsemblePlan, OrdersStepsByWhatTheyTake) {
  const auto made =
      plan(step("add", {{"a", "l"}, {"b", "r"}}, {{"sum", "OUT"}}) +
           step("scale", {{"x", "l"}}, {{"y", "r"}}) + step("scale", {{"x", "IN"}}, {{"y", "l"}}));
  ASSERT_TRUE(made.ok()) << made.status().message();
  ASSERT_EQ(made->steps.size(), 3U);
  EXPECT_EQ(made->tensors[made->steps[0].outputs[0].tensor], "l");
  EXPECT_EQ(made->tensors[made->steps[1].outputs[0].tensor], "r");
  EXPECT_EQ(made->steps[2].model, "add");
  EXPECT_EQ(made->signature.inputs[0].dims, (std::vector<std::int64_t>{kAnySize, 4}));
  EXPECT_EQ(made->signature.outputs[0].dtype, DType::f32);
  EXPECT_EQ(made->tensors[made->outputs[0]], "OUT");
}

TEST(EnsemblePlan, RefusesWhatCannotRun) {
  const std::string good = step("scale", {{"x", "IN"}}, {{"y", "OUT"}});
  const std::pair<std::string, const char*> kCases[] = {
      {step("nope", {{"x", "IN"}}, {{"y", "OUT"}}), "step 1 ('nope'): no model 'nope'"},
      {step("scale", {}, {{"y", "OUT"}}), "input_map has nothing for the model's input 'x'"},
      {step("scale", {{"x", "IN"}, {"z", "IN"}}, {{"y", "OUT"}}), "the model has no input 'z'"},
      {step("scale", {{"x", "IN"}}, {{"z", "OUT"}}), "the model has no output 'z'"},
      {step("scale", {{"x", "IN"}}, {}), "output_map is empty"},
      {good + step("scale", {{"x", "IN"}}, {{"y", "OUT"}}),
       "tensor 'OUT' is given by step 1 ('scale') and by step 2 ('scale')"},
      {step("scale", {{"x", "IN"}}, {{"y", "IN"}}), "tensor 'IN' is given by the request and by"},
      {good + step("scale", {{"x", "mid"}}, {{"y", "b"}}), "tensor 'mid' is taken, and nobody"},
      {step("scale", {{"x", "other"}}, {{"y", "OUT"}}) + step("scale", {{"x", "IN"}}, {{"y", "z"}}),
       "tensor 'other' is taken, and nobody gives it"},
      {good + step("scale", {{"x", "p"}}, {{"y", "q"}}) + step("scale", {{"x", "q"}}, {{"y", "p"}}),
       "the steps go in a circle through 'scale'"},
      {step("words", {{"t", "IN"}}, {{"n", "k"}}) + good,
       "tensor 'IN' is TYPE_STRING [-1] and, for"},
  };
  for (const auto& [steps, error] : kCases) {
    EXPECT_NE(plan_error(steps).find(error), std::string::npos)
        << steps << "\n  " << plan_error(steps);
  }
  EXPECT_NE(plan(good, "dims: 5").status().message().find("input 'IN' is TYPE_FP32 [-1,5] for"),
            std::string::npos);
  EXPECT_FALSE(plan(good, "data_type: TYPE_FP64 dims: 4").ok());
}

TEST(EnsemblePlan, AnInputThatNoStepTakesIsAMistake) {
  EXPECT_EQ(plan_error(step("words", {{"t", "x"}}, {{"n", "x"}})),
            "tensor 'x' is TYPE_STRING [-1] and, for step 1 ('words'), TYPE_INT64 [-1]");
  const auto unused = plan(step("scale", {{"x", "OUT"}}, {{"y", "b"}}) +
                           step("scale", {{"x", "b"}}, {{"y", "OUT"}}));
  EXPECT_EQ(unused.status().message(), "input 'IN' is taken by no step");
}

}  // namespace
}  // namespace mlops
