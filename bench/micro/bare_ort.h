// The least that running a model can cost: OrtApi::Run with every value made beforehand. The floor
// of overhead.cc.
//
// Knows nothing of the core, so that it cannot share the core's mistakes. One FP32 input; all
// outputs. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mlops::micro {

struct BareOptions {
  std::string library;  // path of libonnxruntime.so
  std::string model;
  bool arena =
      false;  // the core runs without ONNX Runtime's arena by default; its own default is with
};

class BareOrt {
 public:
  // `rows` are requests of `shape` one after the other; they are viewed, and must outlive the
  // object. Null with a reason in `error`.
  static std::unique_ptr<BareOrt> open(const BareOptions& options,
                                       std::span<const std::int64_t> shape,
                                       std::span<const float> rows, std::string& error);
  virtual ~BareOrt() = default;

  // One Run on that request. False when ONNX Runtime failed.
  virtual bool run(std::size_t request) = 0;
  // The first output of the last run, of whatever element type.
  struct Output {
    const void* data = nullptr;
    std::size_t elements = 0;
  };
  virtual Output output() const = 0;
};

}  // namespace mlops::micro
