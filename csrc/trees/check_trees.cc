#include <algorithm>
#include <vector>

#include "trees/forest_reader.h"

namespace mlops {
namespace {

// A walk of all nodes with a stack of its own: the depth is the file's to choose.
class TreeCheck {
 public:
  explicit TreeCheck(Forest& forest)
      : forest_(forest), heights_(forest.nodes.size(), 0), states_(forest.nodes.size()) {}

  Status tree(std::uint32_t root) {
    if (states_[root] != State::unseen) forest_.shares_nodes = true;
    if (Status s = visit(root); !s.ok()) return s;
    forest_.depths.push_back(heights_[root]);
    return {};
  }

 private:
  enum class State : std::uint8_t { unseen, open, done };
  struct Step {
    std::uint32_t node;
    std::uint8_t children_seen;
  };

  Status enter(std::uint32_t node) {
    if (states_[node] == State::open) {
      return broken_ensemble("a tree runs in a circle");
    }
    if (states_[node] == State::done) {
      forest_.shares_nodes = true;
      return {};
    }
    if (path_.size() > kTreeDepthMax) {
      return broken_ensemble("a tree is deeper than " + std::to_string(kTreeDepthMax));
    }
    states_[node] = State::open;
    path_.push_back({node, 0});
    return {};
  }

  Status visit(std::uint32_t root) {
    path_.clear();
    if (states_[root] == State::done) return {};
    if (Status s = enter(root); !s.ok()) return s;
    while (!path_.empty()) {
      Step& step = path_.back();
      const ForestNode& node = forest_.nodes[step.node];
      if (node.mode == NodeMode::leaf || step.children_seen == 2) {
        leave(step.node, node);
        continue;
      }
      const std::uint32_t child = step.children_seen++ == 0 ? node.on_true : node.on_false;
      if (Status s = enter(child); !s.ok()) return s;
    }
    return {};
  }

  void leave(std::uint32_t place, const ForestNode& node) {
    states_[place] = State::done;
    if (node.mode != NodeMode::leaf) {
      heights_[place] = 1 + std::max(heights_[node.on_true], heights_[node.on_false]);
    }
    path_.pop_back();
  }

  Forest& forest_;
  std::vector<std::uint32_t> heights_;
  std::vector<State> states_;
  std::vector<Step> path_;
};

}  // namespace

Status check_trees(Forest& forest) {
  TreeCheck check(forest);
  for (const std::uint32_t root : forest.roots) {
    if (Status s = check.tree(root); !s.ok()) return s;
  }
  for (const std::uint32_t depth : forest.depths) {
    if (depth > kTreeDepthMax) {
      return broken_ensemble("a tree is deeper than " + std::to_string(kTreeDepthMax));
    }
  }
  return {};
}

}  // namespace mlops
