#pragma once
// Real OpenVINO for tests, where its wheel is installed beside ONNX Runtime's.

#include "execute/openvino_backend.h"
#include "support/ort_models.h"

namespace mlops::testing {

// Optional for users, so that it is no failure to be without it; the development environment has
// it.
class OpenvinoTest : public OrtTest {
 protected:
  void SetUp() override {
    OrtTest::SetUp();
    if (HasFatalFailure()) return;
#ifdef MLOPS_SANITIZED
    GTEST_SKIP() << "OpenVINO's threads hand over memory in code that no sanitizer sees";
#endif
    const auto opened = OpenvinoRuntime::open(openvino_library_candidates(ort_test_libraries()));
    if (!opened.ok()) GTEST_SKIP() << opened.status().message();
    openvino_ = *opened;
  }

  Result<std::unique_ptr<Backend>> load_both(const std::string& name,
                                             const OpenvinoOptions& options = {}) {
    Result<std::unique_ptr<Backend>> reference = load(name);
    if (!reference.ok()) return reference.status();
    return load_openvino_backend(openvino_, tiny_model(name), **reference, options, &copies_);
  }

  std::shared_ptr<const OpenvinoRuntime> openvino_;
};

}  // namespace mlops::testing
