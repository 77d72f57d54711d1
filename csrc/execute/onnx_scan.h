#pragma once
// A look at an ONNX file before anything else trusts it: which files it refers to, which of its
// tensors have no declared shape (ONNX Runtime's C API cannot tell those from scalars), and whether
// any of its nodes draws random numbers.
// Reads field headers only and skips weights; memory use is bounded whatever the file claims.
// Stateless; blocks on disk. No protobuf library: the handful of fields is read off the wire
// format.

#include <set>
#include <string>

#include "base/status.h"

namespace mlops {

struct OnnxScan {
  std::set<std::string> shapeless;         // graph inputs and outputs without a shape
  std::set<std::string> external_files;    // `location` of every tensor stored outside of the file
  std::set<std::string> random_operators;  // of its nodes: two runs need not give one answer
};

// not_found, or invalid_argument for what is not a regular file, not protobuf, or nested deeper
// than protobuf itself would read.
Result<OnnxScan> scan_onnx_file(const std::string& path);

// Every file that the model refers to must exist as a regular file in the model's own folder or
// below (the folder of the path as given, or of the file that it links to). not_found names a
// missing one.
Status check_external_files(const std::string& model_path, const OnnxScan& scan);

}  // namespace mlops
