#include "trees/tree_graph.h"

#include <gtest/gtest.h>

#include "support/proto_bytes.h"
#include "trees/predictor.h"

namespace mlops {
namespace {

using testing::field;
using testing::varint;

std::string integers(const std::string& name, const std::vector<std::int64_t>& values) {
  std::string packed;
  for (const std::int64_t value : values) packed += varint(static_cast<std::uint64_t>(value));
  return field(5, field(1, name) + field(8, packed));
}
std::string texts(const std::string& name, const std::vector<std::string>& values) {
  std::string attribute = field(1, name);
  for (const std::string& value : values) attribute += field(9, value);
  return field(5, attribute);
}
std::string zeros(const std::string& name, std::size_t count) {
  return field(5, field(1, name) + field(7, std::string(4 * count, '\0')));
}

// A regressor of one tree: nodes by the positions of their children; {0, 0} is a leaf, of weight 0.
struct Node {
  std::int64_t on_true = 0;
  std::int64_t on_false = 0;
};

std::string regressor(const std::vector<Node>& nodes, std::size_t values) {
  std::vector<std::int64_t> tree(nodes.size()), ids, yes, no, leaves;
  std::vector<std::string> modes;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const bool is_leaf = nodes[i].on_true == 0 && nodes[i].on_false == 0;
    ids.push_back(static_cast<std::int64_t>(i));
    yes.push_back(nodes[i].on_true);
    no.push_back(nodes[i].on_false);
    modes.emplace_back(is_leaf ? "LEAF" : "BRANCH_LEQ");
    if (is_leaf) leaves.push_back(ids.back());
  }
  const std::vector<std::int64_t> none(leaves.size());
  const std::string node = field(1, "x") + field(2, "y") + field(4, "TreeEnsembleRegressor") +
                           field(7, "ai.onnx.ml") +
                           field(5, field(1, "n_targets") + varint(3 << 3) + varint(1)) +
                           integers("nodes_treeids", tree) + integers("nodes_nodeids", ids) +
                           integers("nodes_featureids", tree) + integers("nodes_truenodeids", yes) +
                           integers("nodes_falsenodeids", no) + texts("nodes_modes", modes) +
                           zeros("nodes_values", values) + integers("target_treeids", none) +
                           integers("target_nodeids", leaves) + integers("target_ids", none) +
                           zeros("target_weights", leaves.size());
  return field(7, field(1, node) + field(11, field(1, "x")) + field(12, field(1, "y")));
}

std::string refusal(const std::string& file, Code code) {
  const Result<TreeGraph> graph = read_tree_graph(file);
  EXPECT_EQ(graph.status().code(), code) << graph.status().to_string();
  return graph.status().message();
}

TEST(TreeGraph, ReadsATree) {
  const std::string file = regressor({{1, 2}, {0, 0}, {3, 4}, {0, 0}, {0, 0}}, 5);
  const Result<TreeGraph> graph = read_tree_graph(file);
  ASSERT_TRUE(graph.ok()) << graph.status().to_string();
  EXPECT_EQ(graph->forest.depths, std::vector<std::uint32_t>{2});
  EXPECT_EQ(graph->forest.leaves.size(), 3U);
  EXPECT_EQ(graph->input, "x");
  EXPECT_EQ(graph->outputs[0].second, TreeOutput::scores);
  EXPECT_TRUE(has_tree_ensemble(file));
}

TEST(TreeGraph, EveryTruncationIsAnErrorWithAReason) {
  const std::string file = regressor({{1, 2}, {0, 0}, {0, 0}}, 3);
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Result<TreeGraph> graph = read_tree_graph(file.substr(0, size));
    ASSERT_FALSE(graph.ok()) << size;
    EXPECT_FALSE(graph.status().message().empty());
  }
}

TEST(TreeGraph, CirclesAndLooseEndsAreRefused) {
  EXPECT_NE(refusal(regressor({{1, 2}, {1, 1}, {0, 0}}, 3), Code::invalid_argument).find("circle"),
            std::string::npos);
  EXPECT_NE(refusal(regressor({{1, 7}, {0, 0}}, 2), Code::invalid_argument).find("not in its tree"),
            std::string::npos);
  EXPECT_NE(refusal(regressor({{1, 2}, {0, 0}, {0, 0}}, 2), Code::invalid_argument).find("length"),
            std::string::npos);
}

TEST(TreeGraph, AbsurdDepthIsRefusedWithoutRecursion) {
  std::vector<Node> nodes;
  for (std::int64_t i = 0; i < 20'000; i += 2) {
    nodes.push_back({i + 1, i + 2});
    nodes.push_back({});
  }
  nodes.push_back({});
  EXPECT_NE(refusal(regressor(nodes, nodes.size()), Code::invalid_argument).find("deeper"),
            std::string::npos);
}

}  // namespace
}  // namespace mlops
