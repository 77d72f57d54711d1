#pragma once
// A tree ensemble as plain data: what the three ONNX-ML operators say, with every reference
// resolved and checked. Immutable after reading; any thread may read it.

#include <cstdint>
#include <string>
#include <vector>

namespace mlops {

enum class NodeMode : std::uint8_t { leq, lt, gte, gt, eq, neq, member, leaf };

struct ForestNode {
  double threshold = 0;  // a float's value where the operator compares floats
  std::uint32_t feature = 0;
  std::uint32_t on_true = 0;   // a leaf: its number in Forest::leaves
  std::uint32_t on_false = 0;  // `member`: its set is that of number `set`
  std::uint32_t set = 0;
  NodeMode mode = NodeMode::leaf;
  bool missing_is_true = false;
};

struct LeafWeight {
  std::uint32_t target = 0;
  double value = 0;
};

struct ForestLeaf {
  std::uint32_t first = 0;  // in Forest::weights
  std::uint32_t count = 0;
};

enum class Aggregate : std::uint8_t { sum, average, min, max };
enum class PostTransform : std::uint8_t { none, softmax, logistic, softmax_zero, probit };

// What only classifiers have.
struct ClassRule {
  std::vector<std::int64_t> numbers;  // one of the two
  std::vector<std::string> names;
  bool one_class_scored = false;  // two classes, weights for one of them only
  bool weights_all_positive = true;

  std::size_t count() const { return names.empty() ? numbers.size() : names.size(); }
};

struct Forest {
  std::vector<ForestNode> nodes;
  std::vector<std::uint32_t> roots;   // one per tree
  std::vector<std::uint32_t> depths;  // one per tree: decisions on the longest path
  std::vector<ForestLeaf> leaves;
  std::vector<LeafWeight> weights;
  std::vector<std::vector<double>> sets;  // of `member` nodes
  std::vector<double> base_values;
  std::uint32_t features = 0;  // the least number of columns that a row must have
  std::uint32_t targets = 1;   // or classes
  Aggregate aggregate = Aggregate::sum;
  PostTransform post_transform = PostTransform::none;
  bool wide = false;          // computed in double
  bool wide_output = false;   // and answered in double
  bool shares_nodes = false;  // a node has two parents
  bool is_classifier = false;
  ClassRule classes;
};

// Refused before anything recursive sees the file: ONNX Runtime's own reader calls itself once per
// level.
inline constexpr std::uint32_t kTreeDepthMax = 4096;

}  // namespace mlops
