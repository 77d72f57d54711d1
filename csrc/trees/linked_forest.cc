// The form of ai.onnx.ml 5: inner nodes and leaves in lists of their own, children by position.

#include <algorithm>
#include <cmath>
#include <utility>

#include "trees/forest_reader.h"

namespace mlops {
namespace {

constexpr NodeMode kModes[] = {NodeMode::leq, NodeMode::lt,  NodeMode::gte,   NodeMode::gt,
                               NodeMode::eq,  NodeMode::neq, NodeMode::member};
constexpr Aggregate kAggregates[] = {Aggregate::average, Aggregate::sum, Aggregate::min,
                                     Aggregate::max};
constexpr PostTransform kTransforms[] = {PostTransform::none, PostTransform::softmax,
                                         PostTransform::logistic, PostTransform::softmax_zero,
                                         PostTransform::probit};

class LinkedReader {
 public:
  LinkedReader(const AttributeList& attributes, Forest& forest)
      : attributes_(attributes), forest_(forest) {}

  Status read() {
    for (Status (LinkedReader::*step)() :
         {&LinkedReader::read_rules, &LinkedReader::read_leaves, &LinkedReader::read_nodes,
          &LinkedReader::link_nodes, &LinkedReader::read_sets, &LinkedReader::read_roots}) {
      if (Status s = (this->*step)(); !s.ok()) return s;
    }
    return {};
  }

 private:
  Status read_rules() {
    const std::int64_t aggregate = attributes_.integer("aggregate_function", 1);
    const std::int64_t transform = attributes_.integer("post_transform", 0);
    const std::int64_t targets = attributes_.integer("n_targets", 0);
    if (aggregate < 0 || aggregate >= std::ssize(kAggregates) || transform < 0 ||
        transform >= std::ssize(kTransforms)) {
      return Status::unimplemented("its aggregate_function or post_transform is not known");
    }
    if (targets <= 0) return broken_ensemble("it has no targets");
    if (targets > 4096) return Status::unimplemented("it has very many targets");
    forest_.aggregate = kAggregates[aggregate];
    forest_.post_transform = kTransforms[transform];
    forest_.targets = static_cast<std::uint32_t>(targets);
    return {};
  }

  // Leaves come after the inner nodes in Forest::nodes; each has exactly one weight.
  Status read_leaves() {
    const auto targets = attributes_.integers("leaf_targetids");
    const Result<std::vector<double>> weights = attributes_.numbers("leaf_weights");
    if (!weights.ok()) return weights.status();
    if (targets.size() != weights->size())
      return broken_ensemble("its lists of leaves differ in length");
    if (targets.empty()) return broken_ensemble("it has no leaves");
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (targets[i] < 0 || targets[i] >= forest_.targets) {
        return broken_ensemble("a leaf has no such target");
      }
      forest_.leaves.push_back({static_cast<std::uint32_t>(i), 1});
      forest_.weights.push_back({static_cast<std::uint32_t>(targets[i]), (*weights)[i]});
    }
    return {};
  }

  Status read_nodes() {
    const auto features = attributes_.integers("nodes_featureids");
    const auto missing = attributes_.integers("nodes_missing_value_tracks_true");
    const Result<std::vector<double>> modes = attributes_.numbers("nodes_modes");
    const Result<std::vector<double>> splits = attributes_.numbers("nodes_splits");
    if (!modes.ok()) return modes.status();
    if (!splits.ok()) return splits.status();
    inner_ = features.size();
    if (modes->size() != inner_ || splits->size() != inner_) {
      return broken_ensemble("its lists of nodes differ in length");
    }
    for (std::size_t i = 0; i < inner_; ++i) {
      const double mode = (*modes)[i];
      if (!(mode >= 0 && mode < static_cast<double>(std::size(kModes)))) {
        return Status::unimplemented("it has nodes of an unknown mode");
      }
      if (features[i] < 0 || features[i] >= (1 << 24))
        return broken_ensemble("a feature is absurd");
      ForestNode node;
      node.mode = kModes[static_cast<std::size_t>(mode)];
      node.feature = static_cast<std::uint32_t>(features[i]);
      node.threshold = (*splits)[i];
      node.missing_is_true = i < missing.size() && missing[i] == 1;
      forest_.features = std::max(forest_.features, node.feature + 1);
      forest_.nodes.push_back(node);
    }
    for (std::size_t i = 0; i < forest_.leaves.size(); ++i) {
      ForestNode leaf;
      leaf.on_true = static_cast<std::uint32_t>(i);
      forest_.nodes.push_back(leaf);
    }
    return {};
  }

  Status link(std::int64_t child, std::int64_t is_leaf, std::uint32_t& out) const {
    const std::size_t limit = is_leaf != 0 ? forest_.leaves.size() : inner_;
    if (child < 0 || static_cast<std::uint64_t>(child) >= limit) {
      return broken_ensemble("a node leads to one that is not there");
    }
    out =
        static_cast<std::uint32_t>(child + (is_leaf != 0 ? static_cast<std::int64_t>(inner_) : 0));
    return {};
  }

  Status link_nodes() {
    const auto true_ids = attributes_.integers("nodes_truenodeids");
    const auto false_ids = attributes_.integers("nodes_falsenodeids");
    const auto true_leaves = attributes_.integers("nodes_trueleafs");
    const auto false_leaves = attributes_.integers("nodes_falseleafs");
    for (const std::size_t size :
         {true_ids.size(), false_ids.size(), true_leaves.size(), false_leaves.size()}) {
      if (size != inner_) return broken_ensemble("its lists of nodes differ in length");
    }
    for (std::size_t i = 0; i < inner_; ++i) {
      ForestNode& node = forest_.nodes[i];
      if (Status s = link(true_ids[i], true_leaves[i], node.on_true); !s.ok()) return s;
      if (Status s = link(false_ids[i], false_leaves[i], node.on_false); !s.ok()) return s;
      only_leaf_.push_back(true_leaves[i] != 0 && false_leaves[i] != 0 &&
                           true_ids[i] == false_ids[i]);
    }
    return {};
  }

  // One run of values for each `member` node, in the order of the nodes; NaN ends a run.
  Status read_sets() {
    const Result<std::vector<double>> values = attributes_.numbers("membership_values");
    if (!values.ok()) return values.status();
    std::size_t at = 0;
    for (std::size_t i = 0; i < inner_; ++i) {
      ForestNode& node = forest_.nodes[i];
      if (node.mode != NodeMode::member) continue;
      node.set = static_cast<std::uint32_t>(forest_.sets.size());
      std::vector<double>& set = forest_.sets.emplace_back();
      while (at < values->size() && !std::isnan((*values)[at])) set.push_back((*values)[at++]);
      ++at;
      if (set.empty()) return broken_ensemble("a node tests for membership in an empty set");
      std::ranges::sort(set);
    }
    return {};
  }

  // A tree of one leaf is written as a node with that leaf on both sides: its test decides nothing.
  Status read_roots() {
    const auto roots = attributes_.integers("tree_roots");
    if (roots.empty()) return broken_ensemble("it has no trees");
    for (const std::int64_t root : roots) {
      if (root < 0 || static_cast<std::uint64_t>(root) >= inner_) {
        return broken_ensemble("a tree starts at a node that is not there");
      }
      const auto place = static_cast<std::uint32_t>(root);
      forest_.roots.push_back(only_leaf_[place] ? forest_.nodes[place].on_true : place);
    }
    return {};
  }

  const AttributeList& attributes_;
  Forest& forest_;
  std::size_t inner_ = 0;
  std::vector<bool> only_leaf_;
};

}  // namespace

Status read_linked_forest(const AttributeList& attributes, Forest& forest) {
  return LinkedReader(attributes, forest).read();
}

}  // namespace mlops
