#pragma once
// One ONNX Runtime session with what every run of it needs. Immutable after loading, so any number
// of threads may run it. Shared by the back end and by outputs that ONNX Runtime allocated: such an
// output may be a view of the model's weights (a constant), so it keeps the session alive.
// It does not hold the OrtRuntime: an output may outlive the engine and with it the log sink.

#include <onnxruntime_c_api.h>

#include <vector>

#include "execute/ort_handles.h"
#include "tensor/signature.h"

namespace mlops {

struct OrtModel {
  explicit OrtModel(const OrtApi& library) : api(library) {}

  const OrtApi& api;  // valid for the whole process
  Signature signature;
  OrtMemoryInfoHandle memory_info;
  OrtSessionHandle session;
  std::vector<const char*> input_names;   // point into `signature`
  std::vector<const char*> output_names;  // point into `signature`
  // Per output, whether ONNX Runtime writes into memory that it is given: not strings, whose
  // objects cannot live in a buffer, and not an output that is an input under the same name, for
  // which it hands back the input's own memory and ignores what it was given.
  std::vector<bool> writes_in_place;
  bool runs_on_own_threads = false;  // whether a run uses more threads than its caller's
};

}  // namespace mlops
