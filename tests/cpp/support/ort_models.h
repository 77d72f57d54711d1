#pragma once
// Real ONNX Runtime and the tiny models of tests/models/tiny, for tests.

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "execute/ort_backend.h"
#include "execute/ort_runtime.h"

namespace mlops::testing {

class RecordingLog final : public LogSink {
 public:
  void log(Severity, std::string_view message) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(message);
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

inline std::vector<std::string> ort_test_libraries() {
  const std::string chosen = MLOPS_TEST_ORT_LIBRARY;
  if (!chosen.empty()) return {chosen};
  return ort_library_candidates(MLOPS_TEST_PYTHON_BIN);
}

inline std::string tiny_model(const std::string& name) {
  return std::string(MLOPS_TEST_MODELS) + "/" + name + ".onnx";
}

// A test without the library fails: silence would look like success.
class OrtTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = OrtRuntime::open(ort_test_libraries(), log_);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    runtime_ = *opened;
  }

  Result<std::unique_ptr<Backend>> load(const std::string& name, const OrtOptions& options = {}) {
    return load_ort_backend(runtime_, tiny_model(name), options, &copies_);
  }

  RecordingLog log_;
  CopyMeter copies_;
  std::shared_ptr<OrtRuntime> runtime_;
};

// A loaded model with one executor; run() gives the wanted outputs or the failure.
struct OneLane {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Executor> executor;
  std::vector<OutputSlot> slots;

  Status run(const std::vector<Tensor>& inputs) { return executor->run(inputs, slots); }
};

// Every output is wanted, none is preallocated.
inline OneLane one_lane(Result<std::unique_ptr<Backend>> loaded) {
  OneLane lane;
  EXPECT_TRUE(loaded.ok()) << loaded.status().to_string();
  if (!loaded.ok()) return lane;
  lane.backend = *std::move(loaded);
  lane.executor = std::move(lane.backend->make_executor()).value();
  lane.slots.resize(lane.backend->signature().outputs.size());
  for (OutputSlot& slot : lane.slots) slot.wanted = true;
  return lane;
}

// Room for an output of this type and shape.
inline Tensor room(DType dtype, const Shape& shape) {
  Tensor tensor{dtype, shape, {}, allocate_buffer(dense_size(dtype, shape).value())};
  tensor.bytes = writable(tensor.owner);
  return tensor;
}

}  // namespace mlops::testing
