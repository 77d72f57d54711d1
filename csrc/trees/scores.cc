#include "trees/scores.h"

#include <algorithm>

#include "trees/class_scores.h"

namespace mlops {
namespace {

template <class Real>
struct Weight {
  std::uint32_t target;
  Real value;
};

// Sums, and the like, of one tile.
template <class Real, class Out>
class ForestScorer final : public Scorer {
 public:
  explicit ForestScorer(const Forest& forest)
      : forest_(forest),
        sums_(kTileRows * forest.targets),
        scored_(kTileRows * forest.targets),
        row_(forest.targets) {
    for (const LeafWeight& weight : forest.weights) {
      weights_.push_back({weight.target, static_cast<Real>(weight.value)});
    }
    for (const double base : forest.base_values) base_.push_back(static_cast<Real>(base));
    // A lone target takes the first weight of a leaf, or what a leaf without any has as threshold.
    const bool lone = forest.targets == 1;
    singles_.resize(lone ? forest.leaves.size() : 0);
    for (const ForestNode& node : forest.nodes) {
      if (!lone || node.mode != NodeMode::leaf) continue;
      const ForestLeaf leaf = forest.leaves[node.on_true];
      singles_[node.on_true] =
          leaf.count > 0 ? weights_[leaf.first].value : static_cast<Real>(node.threshold);
    }
    take_common_target();
  }

  void start(std::size_t rows) override {
    std::fill_n(sums_.begin(), rows * forest_.targets, Real{0});
    std::fill_n(scored_.begin(), rows * forest_.targets, char{0});
    first_ = true;
  }

  void add(const LeafRange& range, std::size_t rows) override {
    const bool sums =
        forest_.aggregate == Aggregate::sum || forest_.aggregate == Aggregate::average;
    if (rows == 1 && sums && !singles_.empty()) return add_to_one_row(range);
    for (std::uint32_t tree = range.first; tree < range.last; ++tree) {
      const std::uint32_t* leaves = range.leaves + (tree - range.first) * range.pitch;
      if (!singles_.empty()) {
        add_single(leaves, rows);
      } else {
        for (std::size_t row = 0; row < rows; ++row) add_leaf(forest_.leaves[leaves[row]], row);
      }
      first_ = false;
    }
  }

  void finish(std::size_t rows, const ScoreRoom& room) override {
    const std::size_t targets = forest_.targets;
    auto* out = static_cast<Out*>(room.scores);
    if (!singles_.empty() && targets > 1) spread_common_target(rows);
    for (std::size_t row = 0; row < rows; ++row) {
      const Real* sums = sums_.data() + row * targets;
      for (std::size_t i = 0; i < targets; ++i)
        row_[i] = {sums[i], scored_[row * targets + i] != 0};
      finish_row(out + row * targets, room.classes ? room.classes + row : nullptr);
    }
  }

 private:
  // Boosted trees of two classes have one weight a leaf, all of them for one class.
  void take_common_target() {
    const bool sums = forest_.aggregate == Aggregate::sum;
    if (forest_.targets != 2 || !sums || weights_.empty()) return;
    for (const ForestLeaf& leaf : forest_.leaves) {
      if (leaf.count != 1 || weights_[leaf.first].target != weights_[0].target) return;
    }
    for (const ForestLeaf& leaf : forest_.leaves) singles_.push_back(weights_[leaf.first].value);
    common_target_ = weights_[0].target;
  }

  void spread_common_target(std::size_t rows) {
    for (std::size_t row = rows; row-- > 0;) {
      const Real sum = sums_[row];
      sums_[row * 2] = sums_[row * 2 + 1] = 0;
      sums_[row * 2 + common_target_] = sum;
      scored_[row * 2 + common_target_] = 1;
    }
  }

  void add_to_one_row(const LeafRange& range) {
    Real sum = sums_[0];
    const Real* values = singles_.data();
    for (std::size_t i = 0; i < range.last - range.first; ++i) {
      sum += values[range.leaves[i * range.pitch]];
    }
    sums_[0] = sum;
  }

  void add_single(const std::uint32_t* leaves, std::size_t rows) {
    Real* sums = sums_.data();
    const Real* values = singles_.data();
    switch (forest_.aggregate) {
      case Aggregate::sum:
      case Aggregate::average:
        for (std::size_t row = 0; row < rows; ++row) sums[row] += values[leaves[row]];
        return;
      default:
        for (std::size_t row = 0; row < rows; ++row) {
          const Real value = values[leaves[row]];
          if (first_ || beats(value, sums[row])) sums[row] = value;
        }
    }
  }

  bool beats(Real value, Real best) const {
    return forest_.aggregate == Aggregate::min ? value < best : value > best;
  }

  void add_leaf(const ForestLeaf& leaf, std::size_t row) {
    const bool summed =
        forest_.aggregate == Aggregate::sum || forest_.aggregate == Aggregate::average;
    for (std::uint32_t i = leaf.first; i < leaf.first + leaf.count; ++i) {
      const std::size_t at = row * forest_.targets + weights_[i].target;
      const Real value = weights_[i].value;
      if (summed) {
        sums_[at] += value;
      } else if (scored_[at] == 0 || beats(value, sums_[at])) {
        sums_[at] = value;
      }
      scored_[at] = 1;
    }
  }

  void finish_row(Out* out, std::int64_t* chosen) {
    if (forest_.is_classifier) {
      *chosen = finish_classes(forest_, base_, row_);
      for (std::size_t i = 0; i < row_.size(); ++i) out[i] = static_cast<Out>(row_[i].value);
      return;
    }
    const bool average = forest_.aggregate == Aggregate::average;
    const bool all_bases = base_.size() == row_.size();
    for (std::size_t i = 0; i < row_.size(); ++i) {
      if (average) row_[i].value /= static_cast<Real>(forest_.roots.size());
      if (all_bases) row_[i].value += base_[i];
    }
    transform_targets(forest_, row_);
    for (std::size_t i = 0; i < row_.size(); ++i) out[i] = static_cast<Out>(row_[i].value);
  }

  const Forest& forest_;
  std::vector<Weight<Real>> weights_;
  std::vector<Real> base_;
  std::vector<Real> singles_;  // per leaf; empty: leaves have weights for several targets
  std::uint32_t common_target_ = 0;
  std::vector<Real> sums_;
  std::vector<char> scored_;
  std::vector<Score<Real>> row_;
  bool first_ = true;
};

}  // namespace

Result<std::unique_ptr<Scorer>> make_scorer(const Forest& forest) {
  if (Status s = check_scores(forest); !s.ok()) return s;
  if (forest.wide_output) return std::unique_ptr<Scorer>(new ForestScorer<double, double>(forest));
  if (forest.wide) return std::unique_ptr<Scorer>(new ForestScorer<double, float>(forest));
  return std::unique_ptr<Scorer>(new ForestScorer<float, float>(forest));
}

}  // namespace mlops
