// The form of ai.onnx.ml 1 to 4: parallel lists of nodes, each named by its tree and a number in
// it, and a list of weights that name their leaf in the same way.

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>

#include "trees/forest_reader.h"

namespace mlops {
namespace {

template <class Value>
using Named = std::pair<std::string_view, Value>;

constexpr std::array<Named<NodeMode>, 7> kModeNames = {{{"BRANCH_LEQ", NodeMode::leq},
                                                        {"LEAF", NodeMode::leaf},
                                                        {"BRANCH_LT", NodeMode::lt},
                                                        {"BRANCH_GTE", NodeMode::gte},
                                                        {"BRANCH_GT", NodeMode::gt},
                                                        {"BRANCH_EQ", NodeMode::eq},
                                                        {"BRANCH_NEQ", NodeMode::neq}}};
constexpr std::array<Named<Aggregate>, 4> kAggregateNames = {{{"SUM", Aggregate::sum},
                                                              {"AVERAGE", Aggregate::average},
                                                              {"MIN", Aggregate::min},
                                                              {"MAX", Aggregate::max}}};
constexpr std::array<Named<PostTransform>, 5> kTransformNames = {
    {{"NONE", PostTransform::none},
     {"SOFTMAX", PostTransform::softmax},
     {"LOGISTIC", PostTransform::logistic},
     {"SOFTMAX_ZERO", PostTransform::softmax_zero},
     {"PROBIT", PostTransform::probit}}};

template <class Value, std::size_t size>
std::optional<Value> value_of(const std::array<Named<Value>, size>& names, std::string_view name) {
  for (const auto& [known, value] : names) {
    if (known == name) return value;
  }
  return std::nullopt;
}

struct NodeKey {
  std::int64_t tree = 0;
  std::int64_t node = 0;
  friend bool operator==(const NodeKey&, const NodeKey&) = default;
};
struct NodeKeyHash {
  std::size_t operator()(const NodeKey& key) const {
    const auto tree = static_cast<std::uint64_t>(key.tree) * 0x9E3779B97F4A7C15ULL;
    return static_cast<std::size_t>((tree ^ static_cast<std::uint64_t>(key.node)) *
                                    0xD6E8FEB86659FD93ULL);
  }
};

struct Lists {
  std::span<const std::int64_t> tree_ids, node_ids, features, true_ids, false_ids, missing;
  std::span<const std::string_view> modes;
  std::vector<double> values;
  std::span<const std::int64_t> weight_trees, weight_nodes, weight_targets;
  std::vector<double> weights;
};

class ListedReader {
 public:
  ListedReader(const AttributeList& attributes, bool classifier, Forest& forest)
      : attributes_(attributes), classifier_(classifier), forest_(forest) {}

  Status read() {
    for (Status (ListedReader::*step)() :
         {&ListedReader::read_lists, &ListedReader::read_rules, &ListedReader::check_lengths,
          &ListedReader::add_nodes, &ListedReader::link_nodes, &ListedReader::add_weights}) {
      if (Status s = (this->*step)(); !s.ok()) return s;
    }
    return {};
  }

 private:
  Status take(std::string_view name, std::vector<double>& out) {
    Result<std::vector<double>> read = attributes_.numbers(name);
    if (!read.ok()) return read.status();
    out = *std::move(read);
    return {};
  }

  Status read_lists() {
    lists_.tree_ids = attributes_.integers("nodes_treeids");
    lists_.node_ids = attributes_.integers("nodes_nodeids");
    lists_.features = attributes_.integers("nodes_featureids");
    lists_.true_ids = attributes_.integers("nodes_truenodeids");
    lists_.false_ids = attributes_.integers("nodes_falsenodeids");
    lists_.missing = attributes_.integers("nodes_missing_value_tracks_true");
    lists_.modes = attributes_.texts("nodes_modes");
    const std::string kind = classifier_ ? "class_" : "target_";
    lists_.weight_trees = attributes_.integers(kind + "treeids");
    lists_.weight_nodes = attributes_.integers(kind + "nodeids");
    lists_.weight_targets = attributes_.integers(kind + "ids");
    if (Status s = take("nodes_values", lists_.values); !s.ok()) return s;
    if (Status s = take(kind + "weights", lists_.weights); !s.ok()) return s;
    return take("base_values", forest_.base_values);
  }

  Status read_rules() {
    const auto aggregate = value_of(kAggregateNames, attributes_.text("aggregate_function", "SUM"));
    const auto transform = value_of(kTransformNames, attributes_.text("post_transform", "NONE"));
    if (!aggregate || !transform) {
      return Status::unimplemented("its aggregate_function or post_transform is not known");
    }
    forest_.aggregate = *aggregate;
    forest_.post_transform = *transform;
    std::int64_t targets = attributes_.integer("n_targets", 0);
    if (classifier_) {
      const auto numbers = attributes_.integers("classlabels_int64s");
      const auto names = attributes_.texts("classlabels_strings");
      forest_.classes.numbers.assign(numbers.begin(), numbers.end());
      forest_.classes.names.assign(names.begin(), names.end());
      targets = static_cast<std::int64_t>(forest_.classes.count());
    }
    if (targets <= 0) return broken_ensemble("it has no targets or classes");
    if (targets > kTargetsMax) return Status::unimplemented("it has very many targets");
    forest_.targets = static_cast<std::uint32_t>(targets);
    return {};
  }

  Status check_lengths() {
    const std::size_t nodes = lists_.tree_ids.size();
    if (nodes == 0) return broken_ensemble("it has no nodes");
    for (const std::size_t size :
         {lists_.node_ids.size(), lists_.features.size(), lists_.true_ids.size(),
          lists_.false_ids.size(), lists_.modes.size(), lists_.values.size()}) {
      if (size != nodes) return broken_ensemble("its lists of nodes differ in length");
    }
    const std::size_t weights = lists_.weights.size();
    for (const std::size_t size :
         {lists_.weight_trees.size(), lists_.weight_nodes.size(), lists_.weight_targets.size()}) {
      if (size != weights) return broken_ensemble("its lists of weights differ in length");
    }
    return {};
  }

  Status add_nodes() {
    forest_.nodes.reserve(lists_.tree_ids.size());
    places_.reserve(lists_.tree_ids.size());
    std::unordered_map<std::int64_t, bool> seen;
    for (std::size_t i = 0; i < lists_.tree_ids.size(); ++i) {
      const NodeKey key{lists_.tree_ids[i], lists_.node_ids[i]};
      if (!places_.emplace(key, static_cast<std::uint32_t>(i)).second) {
        return broken_ensemble("a node is there twice");
      }
      if (i == 0 || lists_.tree_ids[i - 1] != key.tree) {
        if (!seen.emplace(key.tree, true).second) {
          return Status::unimplemented("the nodes of a tree do not follow each other");
        }
        forest_.roots.push_back(static_cast<std::uint32_t>(i));
      }
      if (Status s = add_node(i); !s.ok()) return s;
    }
    return {};
  }

  Status add_node(std::size_t i) {
    const auto mode = value_of(kModeNames, lists_.modes[i]);
    if (!mode) return Status::unimplemented("it has nodes of an unknown mode");
    const std::int64_t feature = lists_.features[i];
    if (feature < 0 || feature >= kFeaturesMax)
      return broken_ensemble("a feature's number is absurd");
    ForestNode node;
    node.mode = *mode;
    node.feature = static_cast<std::uint32_t>(feature);
    node.threshold = lists_.values[i];
    node.missing_is_true = i < lists_.missing.size() && lists_.missing[i] == 1;
    forest_.features = std::max(forest_.features, node.feature + 1);
    forest_.nodes.push_back(node);
    return {};
  }

  Status link_nodes() {
    for (std::size_t i = 0; i < forest_.nodes.size(); ++i) {
      ForestNode& node = forest_.nodes[i];
      if (node.mode == NodeMode::leaf) {
        node.on_true = static_cast<std::uint32_t>(forest_.leaves.size());
        forest_.leaves.emplace_back();
        continue;
      }
      const auto on_true = places_.find({lists_.tree_ids[i], lists_.true_ids[i]});
      const auto on_false = places_.find({lists_.tree_ids[i], lists_.false_ids[i]});
      if (on_true == places_.end() || on_false == places_.end()) {
        return broken_ensemble("a node leads to one that is not in its tree");
      }
      node.on_true = on_true->second;
      node.on_false = on_false->second;
    }
    return {};
  }

  // Weights of one leaf stay in the order of the list, as the sums are made in that order.
  Status add_weights() {
    std::vector<std::uint32_t> leaf_of(lists_.weights.size(), kNoLeaf);
    std::unordered_map<std::int64_t, bool> scored;
    for (std::size_t i = 0; i < lists_.weights.size(); ++i) {
      const std::int64_t target = lists_.weight_targets[i];
      if (target < 0 || target >= forest_.targets)
        return broken_ensemble("a weight has no such target");
      const auto found = places_.find({lists_.weight_trees[i], lists_.weight_nodes[i]});
      if (found == places_.end()) return broken_ensemble("a weight belongs to no node");
      scored.emplace(target, true);
      forest_.classes.weights_all_positive &= !(lists_.weights[i] < 0);
      const ForestNode& node = forest_.nodes[found->second];
      if (node.mode != NodeMode::leaf) continue;  // old converters wrote such; they mean nothing
      leaf_of[i] = node.on_true;
      ++forest_.leaves[node.on_true].count;
    }
    forest_.classes.one_class_scored = forest_.targets == 2 && scored.size() == 1;
    // ONNX Runtime answers 0 and 1 there, whatever the labels.
    if (forest_.targets == 2 && !forest_.classes.one_class_scored &&
        !forest_.classes.numbers.empty()) {
      forest_.classes.numbers = {0, 1};
    }
    place_weights(leaf_of);
    return {};
  }

  void place_weights(const std::vector<std::uint32_t>& leaf_of) {
    std::uint32_t total = 0;
    for (ForestLeaf& leaf : forest_.leaves) {
      leaf.first = total;
      total += std::exchange(leaf.count, 0);
    }
    forest_.weights.resize(total);
    for (std::size_t i = 0; i < leaf_of.size(); ++i) {
      if (leaf_of[i] == kNoLeaf) continue;
      ForestLeaf& leaf = forest_.leaves[leaf_of[i]];
      forest_.weights[leaf.first + leaf.count++] = {
          static_cast<std::uint32_t>(lists_.weight_targets[i]), lists_.weights[i]};
    }
  }

  static constexpr std::uint32_t kNoLeaf = UINT32_MAX;
  static constexpr std::int64_t kTargetsMax = 4096;
  static constexpr std::int64_t kFeaturesMax = 1 << 24;

  const AttributeList& attributes_;
  const bool classifier_;
  Forest& forest_;
  Lists lists_;
  std::unordered_map<NodeKey, std::uint32_t, NodeKeyHash> places_;
};

}  // namespace

Status read_listed_forest(const AttributeList& attributes, bool classifier, Forest& forest) {
  return ListedReader(attributes, classifier, forest).read();
}

}  // namespace mlops
