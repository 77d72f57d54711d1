#include "execute/byte_graph.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "trees/onnx_graph.h"

namespace mlops {
namespace {

constexpr std::size_t kByteLayersMax = 64;
constexpr std::int64_t kElementUint8 = 2;
constexpr std::int64_t kElementInt8 = 3;
constexpr std::int64_t kElementInt32 = 6;
// Units of a bias are a product of two scales, rounded once.
constexpr double kSameUnit = 1e-6;

Status not_such(const std::string& why) { return Status::unimplemented(why); }

bool is(const OnnxNode* node, std::string_view type) {
  return node && node->type == type && (node->domain.empty() || node->domain == "ai.onnx") &&
         node->outputs.size() == 1;
}

// Constants of a dense layer: weights with what a byte of each output stands for.
struct Weights {
  std::vector<double> values;  // as in the file
  std::vector<double> scales;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t axis = 1;  // that scales go along
};

class ByteGraphReader {
 public:
  explicit ByteGraphReader(OnnxGraph graph) : graph_(std::move(graph)) {
    for (const OnnxNode& node : graph_.nodes) {
      for (const std::string_view name : node.outputs) makers_.emplace(name, &node);
    }
  }

  // From the output back to the input.
  Result<ByteGraph> read() {
    ByteGraph found;
    if (graph_.outputs.size() != 1) return not_such("it has several outputs");
    found.output = graph_.outputs[0];
    std::string_view name = graph_.outputs[0];
    while (found.layers.size() < kByteLayersMax) {
      ByteScale scale;
      const Result<std::string_view> floats = floats_behind(name, scale);
      if (!floats.ok()) return floats.status();
      if (!maker(*floats)) {
        if (found.layers.empty()) return not_such("it has no layer of bytes");
        found.input = *floats;
        return found;
      }
      Result<ByteLayer> layer = layer_behind(*floats, scale, name);
      if (!layer.ok()) return layer.status();
      found.layers.insert(found.layers.begin(), *std::move(layer));
    }
    return not_such("it has more than " + std::to_string(kByteLayersMax) + " layers");
  }

 private:
  const OnnxNode* maker(std::string_view name) const {
    const auto found = makers_.find(name);
    return found == makers_.end() ? nullptr : found->second;
  }

  Result<OnnxTensor> constant(std::string_view name) const {
    const OnnxConstant* found = graph_.constant(name);
    if (!found) return not_such("a scale, zero point or weight is no constant");
    return read_tensor(found->tensor);
  }

  // Only an axis may be said of it, which is `axis` then, negative ones counted from the end of
  // two.
  static Status read_axis(const OnnxNode& node, std::int64_t& axis) {
    const Result<std::vector<OnnxAttribute>> attributes = read_attributes(node);
    if (!attributes.ok()) return attributes.status();
    for (const OnnxAttribute& attribute : *attributes) {
      if (attribute.name != "axis" || !attribute.integer) {
        return not_such("a quantization has an attribute '" + std::string(attribute.name) + "'");
      }
      axis = *attribute.integer < 0 ? *attribute.integer + 2 : *attribute.integer;
    }
    return {};
  }

  Result<float> one_scale(std::string_view name) const {
    const Result<OnnxTensor> scale = constant(name);
    if (!scale.ok()) return scale.status();
    if (scale->values.size() != 1 || !(scale->values[0] > 0) || !std::isfinite(scale->values[0])) {
      return not_such("activations have more than one scale");
    }
    return static_cast<float>(scale->values[0]);
  }

  Result<ByteScale> scale_of(const OnnxNode& node) const {
    if (node.inputs.size() < 2 || node.inputs.size() > 3) return not_such("a scale is missing");
    std::int64_t axis = 1;
    if (Status s = read_axis(node, axis); !s.ok()) return s;
    const Result<float> scale = one_scale(node.inputs[1]);
    if (!scale.ok()) return scale.status();
    ByteScale found{*scale, 0};
    if (node.inputs.size() < 3 || node.inputs[2].empty()) return found;
    const Result<OnnxTensor> zero = constant(node.inputs[2]);
    if (!zero.ok()) return zero.status();
    if (zero->element_type != kElementUint8 || zero->values.size() != 1) {
      return not_such("activations are no unsigned bytes");
    }
    found.zero = static_cast<std::uint8_t>(zero->values[0]);
    return found;
  }

  // `name` is what a pair of QuantizeLinear and DequantizeLinear makes of the answer.
  Result<std::string_view> floats_behind(std::string_view name, ByteScale& scale) const {
    const OnnxNode* back = maker(name);
    if (!is(back, "DequantizeLinear")) return not_such("it has a value that is in floats");
    const Result<ByteScale> read = scale_of(*back);
    if (!read.ok()) return read.status();
    const OnnxNode* there = maker(back->inputs[0]);
    if (!is(there, "QuantizeLinear")) return not_such("it has an input in bytes");
    const Result<ByteScale> written = scale_of(*there);
    if (!written.ok()) return written.status();
    if (!(*read == *written)) return not_such("a scale is another where it is read");
    scale = *read;
    return there->inputs[0];
  }

  // The layer that makes `floats`, which are rounded to `to`; `input` is what it reads.
  Result<ByteLayer> layer_behind(std::string_view floats, ByteScale to,
                                 std::string_view& input) const {
    const OnnxNode* node = maker(floats);
    if (is(node, "Relu") && node->inputs.size() == 1) {
      // Bytes that begin at zero keep what is above it by themselves.
      if (to.zero != 0) return not_such("a Relu is no part of its rounding");
      node = maker(node->inputs[0]);
    }
    const bool gemm = is(node, "Gemm");
    if (!gemm && !is(node, "MatMul")) {
      return not_such(node ? "it has an operator " + std::string(node->type) : "it is cut off");
    }
    if (node->inputs.size() < 2 || node->inputs.size() > 3)
      return not_such("a layer has no weight");
    bool transposed = false;
    if (gemm) {
      if (Status s = read_gemm(*node, transposed); !s.ok()) return s;
    }
    ByteLayer layer;
    layer.to = to;
    if (const Result<std::string_view> before = floats_behind(node->inputs[0], layer.from);
        !before.ok()) {
      return before.status();
    }
    Result<Weights> weights = read_weights(node->inputs[1]);
    if (!weights.ok()) return weights.status();
    if (Status s = place(*weights, transposed, layer); !s.ok()) return s;
    const bool biased = node->inputs.size() == 3 && !node->inputs[2].empty();
    layer.bias.assign(layer.outputs, 0);
    if (biased) {
      if (Status s = read_bias(node->inputs[2], layer); !s.ok()) return s;
    }
    input = node->inputs[0];
    return layer;
  }

  static Status read_gemm(const OnnxNode& node, bool& transposed) {
    const Result<std::vector<OnnxAttribute>> attributes = read_attributes(node);
    if (!attributes.ok()) return attributes.status();
    for (const OnnxAttribute& attribute : *attributes) {
      const bool factor = attribute.name == "alpha" || attribute.name == "beta";
      if (factor && attribute.number.value_or(0) == 1) continue;
      if (attribute.name == "transA" && attribute.integer.value_or(1) == 0) continue;
      if (attribute.name != "transB") {
        return not_such("a Gemm has its own '" + std::string(attribute.name) + "'");
      }
      transposed = attribute.integer.value_or(0) != 0;
    }
    return {};
  }

  Result<Weights> read_weights(std::string_view name) const {
    const OnnxNode* node = maker(name);
    if (!is(node, "DequantizeLinear") || node->inputs.size() < 2) {
      return not_such("a layer has weights in floats");
    }
    Weights found;
    if (Status s = read_axis(*node, found.axis); !s.ok()) return s;
    Result<OnnxTensor> values = constant(node->inputs[0]);
    if (!values.ok()) return values.status();
    Result<OnnxTensor> scales = constant(node->inputs[1]);
    if (!scales.ok()) return scales.status();
    if (values->element_type != kElementInt8 || values->dims.size() != 2) {
      return not_such("a layer's weights are no table of signed bytes");
    }
    if (Status s = check_zeros(*node, kElementInt8); !s.ok()) return s;
    found.rows = values->dims[0];
    found.columns = values->dims[1];
    if (found.rows < 1 || found.columns < 1 ||
        found.rows > static_cast<std::int64_t>(kByteInputsMax) ||
        found.columns > static_cast<std::int64_t>(kByteInputsMax) ||
        std::cmp_not_equal(found.rows * found.columns, values->values.size())) {
      return not_such("a layer's weights do not fit its sizes");
    }
    found.values = std::move(values->values);
    found.scales = std::move(scales->values);
    return found;
  }

  Status check_zeros(const OnnxNode& node, std::int64_t element_type) const {
    if (node.inputs.size() < 3 || node.inputs[2].empty()) return {};
    const Result<OnnxTensor> zeros = constant(node.inputs[2]);
    if (!zeros.ok()) return zeros.status();
    const bool none = std::ranges::all_of(zeros->values, [](double zero) { return zero == 0; });
    if (none && zeros->element_type == element_type) return {};
    return not_such("a layer's weights or bias have a zero point");
  }

  static Status place(const Weights& weights, bool transposed, ByteLayer& layer) {
    const auto rows = static_cast<std::size_t>(weights.rows);
    const auto columns = static_cast<std::size_t>(weights.columns);
    layer.inputs = transposed ? columns : rows;
    layer.outputs = transposed ? rows : columns;
    const bool by_output =
        weights.scales.size() == layer.outputs && weights.axis == (transposed ? 0 : 1);
    if (weights.scales.size() != 1 && !by_output) {
      return not_such("a layer's weights have scales by something else than its outputs");
    }
    layer.weights.resize(rows * columns);
    for (std::size_t k = 0; k < layer.inputs; ++k) {
      for (std::size_t n = 0; n < layer.outputs; ++n) {
        const std::size_t from = transposed ? n * columns + k : k * columns + n;
        layer.weights[k * layer.outputs + n] = static_cast<std::int8_t>(weights.values[from]);
      }
    }
    for (std::size_t n = 0; n < layer.outputs; ++n) {
      const double scale = weights.scales[weights.scales.size() == 1 ? 0 : n];
      layer.weight_scales.push_back(static_cast<float>(scale));
    }
    return {};
  }

  Status read_bias(std::string_view name, ByteLayer& layer) const {
    const OnnxNode* node = maker(name);
    if (!is(node, "DequantizeLinear") || node->inputs.size() < 2) {
      return not_such("a layer has a bias in floats");
    }
    const Result<OnnxTensor> values = constant(node->inputs[0]);
    if (!values.ok()) return values.status();
    const Result<OnnxTensor> units = constant(node->inputs[1]);
    if (!units.ok()) return units.status();
    if (Status s = check_zeros(*node, kElementInt32); !s.ok()) return s;
    const bool fits = values->element_type == kElementInt32 &&
                      values->values.size() == layer.outputs &&
                      (units->values.size() == 1 || units->values.size() == layer.outputs);
    if (!fits) return not_such("a layer's bias does not fit it");
    for (std::size_t n = 0; n < layer.outputs; ++n) {
      const double unit = units->values[units->values.size() == 1 ? 0 : n];
      const double expected = double{layer.from.scale} * layer.weight_scales[n];
      if (!(std::abs(unit - expected) <= kSameUnit * expected)) {
        return not_such("a bias is not in units of its layer");
      }
      layer.bias[n] = static_cast<std::int32_t>(values->values[n]);
    }
    return {};
  }

  OnnxGraph graph_;
  std::map<std::string_view, const OnnxNode*> makers_;
};

}  // namespace

bool has_quantized_values(std::string_view file) {
  return file.find("QuantizeLinear") != std::string_view::npos;
}

Result<ByteGraph> read_byte_graph(std::string_view file) {
  Result<OnnxGraph> graph = read_onnx_graph(file);
  if (!graph.ok()) return graph.status();
  return ByteGraphReader(*std::move(graph)).read();
}

}  // namespace mlops
