#pragma once
// The nodes of an ONNX file's main graph with their attributes, as far as tree ensembles and what
// exporters put around them need. Views point into the file's bytes, which outlive the graph.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace mlops {

// Numbers of any element type that fits a double exactly where it matters: FLOAT, DOUBLE, UINT8,
// INT8, INT32, INT64.
struct OnnxTensor {
  std::int64_t element_type = 0;  // ONNX's number for it
  std::vector<std::int64_t> dims;
  std::vector<double> values;
};

struct OnnxAttribute {
  std::string_view name;
  std::optional<std::int64_t> integer;
  std::optional<float> number;
  std::string_view text;
  std::string_view tensor;  // TensorProto, still encoded
  std::vector<std::int64_t> integers;
  std::vector<float> numbers;
  std::vector<std::string_view> texts;
};

struct OnnxNode {
  std::string_view type;
  std::string_view domain;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::string_view encoded;  // NodeProto: attributes are read when asked for

  bool is_ensemble() const;  // one of the three tree operators
};

struct OnnxConstant {
  std::string_view name;
  std::string_view tensor;  // TensorProto, still encoded
};

struct OnnxGraph {
  std::vector<OnnxNode> nodes;
  std::vector<OnnxConstant> constants;
  std::vector<std::string_view> inputs;   // names; constants that are listed as inputs too
  std::vector<std::string_view> outputs;  // names

  const OnnxConstant* constant(std::string_view name) const;
};

// invalid_argument for what is no ONNX model.
Result<OnnxGraph> read_onnx_graph(std::string_view file);

// All attributes of a node. Memory is bounded by eight times the node's own bytes.
Result<std::vector<OnnxAttribute>> read_attributes(const OnnxNode& node);

// unimplemented for other element types and for tensors outside of the file.
Result<OnnxTensor> read_tensor(std::string_view encoded);

}  // namespace mlops
