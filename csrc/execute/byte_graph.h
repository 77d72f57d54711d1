#pragma once
// An ONNX file that is dense layers in bytes and nothing else: what static quantization with
// QuantizeLinear and DequantizeLinear makes of a network of Gemm or MatMul, with or without Relu.

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "gemm/byte_layer.h"

namespace mlops {

struct ByteGraph {
  std::string input;
  std::string output;
  std::vector<ByteLayer> layers;  // each reads what the one before it writes
};

// `file` is a whole ONNX file of outside bytes. unimplemented, with the reason, for everything that
// is not such a graph; invalid_argument for what is broken.
Result<ByteGraph> read_byte_graph(std::string_view file);

// Whether the file quantizes anything, so that it is worth saying why it is not run here.
bool has_quantized_values(std::string_view file);

}  // namespace mlops
