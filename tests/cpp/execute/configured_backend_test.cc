#include "execute/configured_backend.h"

#include <gtest/gtest.h>

#include "execute/echo_backend.h"
#include "support/requests.h"

namespace mlops {
namespace {

using testing::spec;

// Echoes "a" and "b" as "x" and "y"; clients see one of them, flattened.
struct Configured {
  Configured() {
    const Signature graph = {{spec("a", DType::f32, {1, 2, kAnySize}), spec("b", DType::f32, {3})},
                             {spec("x", DType::f32, {1, 2, kAnySize}), spec("y", DType::f32, {3})}};
    FittedModel fitted;
    fitted.differs = true;
    fitted.inputs = {{0, spec("a", DType::f32, {2, kAnySize}), true, {1, 2, kAnySize}},
                     {1, graph.inputs[1], false, {}}};
    fitted.outputs = {{0, spec("x", DType::f32, {2, kAnySize}), true, {1, 2, kAnySize}}};
    backend = make_configured_backend(std::move(make_echo_backend(graph)).value(), fitted);
    executor = std::move(backend->make_executor()).value();
  }

  Status run(const Shape& shape, std::size_t count) {
    inputs = {testing::dense(DType::f32, shape, std::vector<float>(count, 1.5F)),
              testing::dense(DType::f32, Shape{3}, std::vector<float>{7, 8, 9})};
    slots.assign(1, OutputSlot{true, {}});
    return executor->run(inputs, slots);
  }

  std::unique_ptr<Backend> backend;
  std::unique_ptr<Executor> executor;
  std::vector<Tensor> inputs;
  std::vector<OutputSlot> slots;
};

TEST(ConfiguredBackend, ShowsWhatTheConfigurationSays) {
  Configured model;
  const Signature& signature = model.backend->signature();
  ASSERT_EQ(signature.outputs.size(), 1U);
  EXPECT_EQ(signature.inputs[0].dims, (std::vector<std::int64_t>{2, kAnySize}));
}

TEST(ConfiguredBackend, GivesTensorsTheShapeThatEachSideExpects) {
  Configured model;
  ASSERT_TRUE(model.run(Shape{2, 5}, 10).ok());
  const Tensor& output = model.slots[0].tensor;
  EXPECT_EQ(output.shape, (Shape{2, 5}));
  EXPECT_EQ(testing::values_of<float>(output), std::vector<float>(10, 1.5F));
}

TEST(ConfiguredBackend, UsesTheOutputThatWasMadeReady) {
  Configured model;
  model.inputs = {testing::dense(DType::f32, Shape{2, 2}, std::vector<float>{1, 2, 3, 4}),
                  testing::dense(DType::f32, Shape{3}, std::vector<float>{7, 8, 9})};
  model.slots.assign(
      1, OutputSlot{true, testing::dense(DType::f32, Shape{2, 2}, std::vector<float>(4, 0.0F))});
  const std::byte* const memory = model.slots[0].tensor.bytes.data();
  ASSERT_TRUE(model.executor->run(model.inputs, model.slots).ok());
  EXPECT_EQ(model.slots[0].tensor.bytes.data(), memory);
  EXPECT_EQ(model.slots[0].tensor.shape, (Shape{2, 2}));
  EXPECT_EQ(testing::values_of<float>(model.slots[0].tensor), (std::vector<float>{1, 2, 3, 4}));
}

TEST(ConfiguredBackend, AShapeThatCannotBeGivenIsAnError) {
  Configured model;
  EXPECT_EQ(model.run(Shape{10}, 10).code(), Code::internal);
}

}  // namespace
}  // namespace mlops
