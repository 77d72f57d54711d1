#include "execute/openvino_limits.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <unordered_set>

#include "model/text_file.h"
#include "trees/onnx_graph.h"

namespace mlops {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{2} << 30;  // of protobuf itself

using Names = std::span<const std::string_view>;

// As the bytes of NodeProto.op_type, wherever in the file: bodies of branches and functions are
// graphs of their own. Finding one where there is none only keeps a model in ONNX Runtime.
// A run inside one of these does not listen to an interruption, so a graph that never ends would
// hold up the end of the process.
constexpr std::string_view kEndless[] = {"\x22\x04Loop", "\x22\x04Scan"};
// Given an image that is smaller than the network's strides, OpenVINO writes beyond its memory in
// networks of these, where ONNX Runtime answers.
constexpr std::string_view kOverSpace[] = {
    "\x22\x04"
    "Conv",
    "\x22\x0d"
    "ConvTranspose",
    "\x22\x0b"
    "ConvInteger",
    "\x22\x0b"
    "QLinearConv",
    "\x22\x07"
    "MaxPool",
    "\x22\x0b"
    "AveragePool",
    "\x22\x06"
    "LpPool",
    "\x22\x0a"
    "DeformConv",
};

bool names_any(std::string_view file, Names names) {
  return std::ranges::any_of(
      names, [&](std::string_view op) { return file.find(op) != std::string_view::npos; });
}

// Axes 0 and 1 are rows and channels.
bool has_open_space(const Signature& signature) {
  return std::ranges::any_of(signature.inputs, [](const TensorSpec& spec) {
    return !spec.rank_known ||
           (spec.dims.size() > 2 &&
            std::find(spec.dims.begin() + 2, spec.dims.end(), kAnySize) != spec.dims.end());
  });
}

// Inputs of an operator whose values say what shape its output has, or where in memory it reads and
// writes: bit i is input i.
struct Steered {
  std::string_view type;
  unsigned inputs;
};

constexpr unsigned kAll = ~0U;
constexpr unsigned kAllButFirst = ~1U;

constexpr Steered kSteered[] = {
    {"AffineGrid", 0b10},
    {"Attention", 0b100'0000},
    {"BlackmanWindow", kAll},
    {"CenterCropPad", 0b10},
    {"Col2Im", 0b110},
    {"Compress", 0b10},
    {"ConstantOfShape", kAll},
    {"CumSum", 0b10},
    {"DFT", kAllButFirst},
    {"Expand", 0b10},
    {"GRU", 0b1'0000},
    {"GatherND", 0b10},
    {"HammingWindow", kAll},
    {"HannWindow", kAll},
    {"LSTM", 0b1'0000},
    {"MaxRoiPool", 0b10},
    {"MaxUnpool", 0b110},
    {"MelWeightMatrix", kAll},
    {"NonMaxSuppression", kAll},
    {"NonZero", kAll},
    {"OneHot", 0b10},
    {"Pad", kAllButFirst},
    {"RNN", 0b1'0000},
    {"Range", kAll},
    {"ReduceL1", 0b10},
    {"ReduceL2", 0b10},
    {"ReduceLogSum", 0b10},
    {"ReduceLogSumExp", 0b10},
    {"ReduceMax", 0b10},
    {"ReduceMean", 0b10},
    {"ReduceMin", 0b10},
    {"ReduceProd", 0b10},
    {"ReduceSum", 0b10},
    {"ReduceSumSquare", 0b10},
    {"Reshape", 0b10},
    {"Resize", kAllButFirst},
    {"ReverseSequence", 0b10},
    {"RoiAlign", 0b110},
    {"RotaryEmbedding", 0b1000},
    {"STFT", kAllButFirst},
    {"Scatter", 0b10},
    {"ScatterElements", 0b10},
    {"ScatterND", 0b10},
    {"Slice", kAllButFirst},
    {"Split", 0b10},
    {"Squeeze", 0b10},
    {"TensorScatter", 0b100},
    {"Tile", kAllButFirst},
    {"TopK", 0b10},
    {"Trilu", 0b10},
    {"Unique", kAll},
    {"Unsqueeze", 0b10},
    {"Upsample", 0b10},
};
static_assert(std::ranges::is_sorted(kSteered, {}, &Steered::type));

unsigned steered_inputs(std::string_view type) {
  const auto found = std::ranges::lower_bound(kSteered, type, {}, &Steered::type);
  return found != std::end(kSteered) && found->type == type ? found->inputs : 0;
}

// What a request's shapes say, its values do not.
bool forgets_values(std::string_view type) { return type == "Shape" || type == "Size"; }

bool known_domain(std::string_view domain) {
  constexpr std::array<std::string_view, 4> kDomains = {"", "ai.onnx", "ai.onnx.ml",
                                                        "com.microsoft"};
  return std::ranges::find(kDomains, domain) != kDomains.end();
}

// Follows the values of the request through the graph, whose nodes are in the order of execution.
Status check_values(const OnnxGraph& graph) {
  std::unordered_set<std::string_view> from_request(graph.inputs.begin(), graph.inputs.end());
  for (const OnnxConstant& constant : graph.constants) from_request.erase(constant.name);
  for (const OnnxNode& node : graph.nodes) {
    if (node.type == "If" || !known_domain(node.domain)) {
      return Status::unimplemented("it has branches or functions, which are not looked into");
    }
    const unsigned steered = steered_inputs(node.type);
    bool any = false;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!from_request.contains(node.inputs[i])) continue;
      any = true;
      if ((steered >> std::min<std::size_t>(i, 31) & 1U) == 0) continue;
      return Status::unimplemented("values of a request say of what size, or where, " +
                                   std::string(node.type) + " is, and OpenVINO is not safe there");
    }
    if (!any || forgets_values(node.type)) continue;
    from_request.insert(node.outputs.begin(), node.outputs.end());
  }
  return {};
}

}  // namespace

Status check_openvino_limits(const std::string& path, const Signature& signature) {
  const Result<std::string> file = read_file(path, kFileBytesMax);
  if (!file.ok()) return Status::unimplemented("its file: " + file.status().message());
  if (names_any(*file, kEndless)) {
    return Status::unimplemented("it has a loop, which OpenVINO does not interrupt");
  }
  if (has_open_space(signature) && names_any(*file, kOverSpace)) {
    return Status::unimplemented(
        "it convolves over sizes that are open, where OpenVINO is not safe; dims of its inputs in "
        "config.pbtxt close them");
  }
  const Result<OnnxGraph> graph = read_onnx_graph(*file);
  return graph.ok() ? check_values(*graph) : graph.status();
}

}  // namespace mlops
