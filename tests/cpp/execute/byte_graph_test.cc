// Files of quantized networks, and of what is nearly one: refused, never taken for another.
#include "execute/byte_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "support/proto_bytes.h"

namespace mlops {
namespace {

using testing::field;
using testing::varint;

std::string number(unsigned number, std::uint64_t value) {
  return varint(number << 3) + varint(value);
}
std::string raw(float value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

constexpr std::uint64_t kFloats = 1;
constexpr std::uint64_t kUnsignedBytes = 2;
constexpr std::uint64_t kSignedBytes = 3;
constexpr std::uint64_t kWholes = 6;

struct Constant {
  std::uint64_t type = kFloats;
  std::vector<std::uint64_t> dims;
  std::string bytes;
};

struct Node {
  std::string type;
  std::vector<std::string> inputs;
  std::string output;
  std::string attributes;
};

std::string whole(const std::string& name, std::int64_t value) {
  return field(5, field(1, name) + number(3, static_cast<std::uint64_t>(value)) + number(20, 2));
}

// Two inputs, three outputs, one layer; the weights are 1 to 6.
struct File {
  std::map<std::string, Constant> constants = {
      {"s", {kFloats, {}, raw(0.5F)}},
      {"z", {kUnsignedBytes, {}, std::string(1, 7)}},
      {"w", {kSignedBytes, {2, 3}, "\1\2\3\4\5\6"}},
      {"ws", {kFloats, {3}, raw(1) + raw(2) + raw(4)}},
      {"wz", {kSignedBytes, {3}, std::string(3, 0)}},
      {"b", {kWholes, {3}, std::string("\1\0\0\0\2\0\0\0\3\0\0\0", 12)}},
      {"bs", {kFloats, {3}, raw(0.5F) + raw(1) + raw(2)}},
      {"t", {kFloats, {}, raw(3)}},
      {"tz", {kUnsignedBytes, {}, std::string(1, 0)}}};
  std::vector<Node> nodes = {{"QuantizeLinear", {"x", "s", "z"}, "xq", ""},
                             {"DequantizeLinear", {"xq", "s", "z"}, "xf", ""},
                             {"DequantizeLinear", {"w", "ws", "wz"}, "wf", whole("axis", 1)},
                             {"DequantizeLinear", {"b", "bs"}, "bf", whole("axis", 0)},
                             {"Gemm", {"xf", "wf", "bf"}, "g", ""},
                             {"Relu", {"g"}, "r", ""},
                             {"QuantizeLinear", {"r", "t", "tz"}, "yq", ""},
                             {"DequantizeLinear", {"yq", "t", "tz"}, "y", ""}};

  Node& node(const std::string& output) { return *std::ranges::find(nodes, output, &Node::output); }

  std::string bytes() const {
    std::string graph;
    for (const Node& node : nodes) {
      std::string encoded;
      for (const std::string& input : node.inputs) encoded += field(1, input);
      graph += field(1, encoded + field(2, node.output) + field(4, node.type) + node.attributes);
    }
    for (const auto& [name, constant] : constants) {
      std::string encoded;
      for (const std::uint64_t dim : constant.dims) encoded += number(1, dim);
      graph +=
          field(5, encoded + number(2, constant.type) + field(8, name) + field(9, constant.bytes));
    }
    return field(7, graph + field(11, field(1, "x")) + field(12, field(1, "y")));
  }
};

TEST(ByteGraph, ReadsALayer) {
  const Result<ByteGraph> graph = read_byte_graph(File().bytes());
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  EXPECT_EQ(graph->input, "x");
  EXPECT_EQ(graph->output, "y");
  ASSERT_EQ(graph->layers.size(), 1);
  const ByteLayer& layer = graph->layers[0];
  EXPECT_EQ(layer.inputs, 2);
  EXPECT_EQ(layer.outputs, 3);
  EXPECT_EQ(layer.weights, (std::vector<std::int8_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(layer.bias, (std::vector<std::int32_t>{1, 2, 3}));
  EXPECT_EQ(layer.weight_scales, (std::vector<float>{1, 2, 4}));
  EXPECT_EQ(layer.from, (ByteScale{0.5F, 7}));
  EXPECT_EQ(layer.to, (ByteScale{3, 0}));
}

TEST(ByteGraph, ReadsTransposedWeightsWithOneScaleAndNoBias) {
  File file;
  file.constants["w"].dims = {3, 2};
  file.constants["ws"] = {kFloats, {}, raw(2)};
  file.constants["wz"] = {kSignedBytes, {}, std::string(1, 0)};
  file.node("wf").attributes = "";
  file.node("g").inputs = {"xf", "wf"};
  file.node("g").attributes = whole("transB", 1);
  const Result<ByteGraph> graph = read_byte_graph(file.bytes());
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  EXPECT_EQ(graph->layers[0].weights, (std::vector<std::int8_t>{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(graph->layers[0].weight_scales, (std::vector<float>{2, 2, 2}));
  EXPECT_EQ(graph->layers[0].bias, (std::vector<std::int32_t>{0, 0, 0}));
}

TEST(ByteGraph, RefusesWhatIsNearlyOne) {
  using Change = std::function<void(File&)>;
  const std::map<std::string, Change> changes = {
      {"several outputs", [](File& f) { f.node("y").output = "elsewhere"; }},
      {"another scale where it is read", [](File& f) { f.node("xf").inputs[1] = "t"; }},
      {"another zero point there", [](File& f) { f.node("y").inputs[2] = "z"; }},
      {"no zero point there", [](File& f) { f.node("xf").inputs.pop_back(); }},
      {"activations with a sign", [](File& f) { f.constants["z"].type = kSignedBytes; }},
      {"weights without a sign", [](File& f) { f.constants["w"].type = kUnsignedBytes; }},
      {"a zero point of weights", [](File& f) { f.constants["wz"].bytes[1] = 1; }},
      {"scales by input", [](File& f) { f.node("wf").attributes = whole("axis", 0); }},
      {"blocks of scales", [](File& f) { f.node("wf").attributes += whole("block_size", 2); }},
      {"a product with a factor",
       [](File& f) { f.node("g").attributes = field(5, field(1, "alpha") + "\x15" + raw(2)); }},
      {"a transposed input", [](File& f) { f.node("g").attributes = whole("transA", 1); }},
      {"a bias in other units",
       [](File& f) { f.constants["bs"].bytes = raw(1) + raw(1) + raw(2); }},
      {"a bias in floats", [](File& f) { f.node("g").inputs[2] = "bs"; }},
      {"weights in floats", [](File& f) { f.node("g").inputs[1] = "ws"; }},
      {"a Relu above zero", [](File& f) { f.node("yq").inputs[2] = f.node("y").inputs[2] = "z"; }},
      {"another operator", [](File& f) { f.node("r").type = "Tanh"; }},
      {"an operator of another domain", [](File& f) { f.node("g").attributes = field(7, "mine"); }},
      {"nothing but rounding", [](File& f) { f.node("yq").inputs[0] = "x"; }},
      {"a circle", [](File& f) { f.node("xq").inputs[0] = "r"; }},
      {"weights that end too soon", [](File& f) { f.constants["w"].bytes.pop_back(); }},
      {"a scale of nothing", [](File& f) { f.constants["s"].bytes = raw(0); }},
  };
  for (const auto& [what, change] : changes) {
    File file;
    change(file);
    const Result<ByteGraph> graph = read_byte_graph(file.bytes());
    ASSERT_FALSE(graph.ok()) << what;
    EXPECT_FALSE(graph.status().message().empty()) << what;
  }
}

TEST(ByteGraph, AnyCutOfAFileIsRefused) {
  const std::string bytes = File().bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(read_byte_graph(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace mlops
