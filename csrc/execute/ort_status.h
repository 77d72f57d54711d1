#pragma once
// ONNX Runtime's errors in the project's eight codes, with its text made short enough for a reply.
// Each function takes over `status`, which is null for success.

#include <onnxruntime_c_api.h>

#include <string>
#include <string_view>

#include "base/status.h"

namespace mlops {

// Calls that can only fail by our own defect or for want of memory.
Status ort_failure(const OrtApi& api, OrtStatus* status);
// Making a session: the file is to blame unless the text says otherwise. `what` opens the message.
Status ort_load_failure(const OrtApi& api, OrtStatus* status, std::string_view what);
// A run: the caller's data is to blame where a kernel says that it does not fit.
Status ort_run_failure(const OrtApi& api, OrtStatus* status);

// Pure parts, for tests.
std::string shorten_ort_message(std::string_view text);
Code load_error_code(OrtErrorCode code, std::string_view text);
Code run_error_code(OrtErrorCode code, std::string_view text);
// Whether a run failed because a preallocated output has another shape than the result.
bool is_refused_preallocation(std::string_view text);

}  // namespace mlops
