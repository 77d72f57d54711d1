#include "trees/class_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mlops {
namespace {

// Computed in float whatever the forest's own precision, as there.
float logistic(float x) {
  const float half = 1.0F / (1.0F + std::exp(-std::abs(x)));
  return x < 0 ? 1.0F - half : half;
}

template <class Real>
void softmax(std::vector<Score<Real>>& scores) {
  Real most = -std::numeric_limits<Real>::max();
  for (const auto& score : scores) most = std::max(most, score.value);
  Real sum = 0;
  for (auto& score : scores) sum += score.value = std::exp(score.value - most);
  for (auto& score : scores) score.value /= sum;
}

template <class Real>
void transform_all(PostTransform transform, std::vector<Score<Real>>& scores) {
  if (transform == PostTransform::softmax) softmax(scores);
  if (transform != PostTransform::logistic) return;
  for (auto& score : scores) score.value = logistic(static_cast<float>(score.value));
}

// One class has the score s, and the answer has both. Where all weights are positive and nothing is
// done to s, it is a probability.
template <class Real>
void add_other_class(const Forest& forest, std::vector<Score<Real>>& scores) {
  const Real score = scores[0].value;
  const bool probability = forest.classes.weights_all_positive;
  scores[1].value = score;
  scores[0].value = probability ? Real{1} - score : -score;
  if (forest.post_transform == PostTransform::logistic) {
    scores[1].value = logistic(static_cast<float>(score));
    scores[0].value = logistic(static_cast<float>(-score));
  }
}

template <class Real>
std::int64_t finish_two(const Forest& forest, const std::vector<Real>& base,
                        std::vector<Score<Real>>& scores) {
  bool one_score = false;
  if (base.size() == 2 && scores[1].scored) {
    scores[1].value = base[1] + scores[0].value;
    scores[0].value = -scores[1].value;
  } else if (base.size() == 2) {
    scores[1].value += base[1];
    scores[0].value += base[0];
  } else {
    if (base.size() == 1) scores[0].value += base[0];
    one_score = !scores[1].scored;
  }
  const bool second_counts = !one_score && scores[1].scored;
  const Real decisive = second_counts ? scores[1].value : scores[0].scored ? scores[0].value : 0;
  const Real threshold = forest.classes.one_class_scored && forest.classes.weights_all_positive
                             ? static_cast<Real>(0.5)
                             : Real{0};
  const bool second_won = decisive > threshold;
  if (one_score) {
    add_other_class(forest, scores);
  } else {
    transform_all(forest.post_transform, scores);
  }
  return second_won ? 1 : 0;
}

template <class Real>
std::int64_t finish_many(const Forest& forest, const std::vector<Real>& base,
                         std::vector<Score<Real>>& scores) {
  for (std::size_t i = 0; i < base.size(); ++i) {
    scores[i].value = scores[i].scored ? scores[i].value + base[i] : base[i];
    scores[i].scored = true;
  }
  std::int64_t best = -1;
  Real most = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i].scored && (best < 0 || scores[i].value > most)) {
      best = static_cast<std::int64_t>(i);
      most = scores[i].value;
    }
  }
  transform_all(forest.post_transform, scores);
  return best;
}

bool every_leaf_scores(const Forest& forest, std::uint32_t target) {
  return std::ranges::all_of(forest.leaves, [&](const ForestLeaf& leaf) {
    const auto first = forest.weights.begin() + leaf.first;
    return std::any_of(first, first + leaf.count,
                       [&](const LeafWeight& weight) { return weight.target == target; });
  });
}

}  // namespace

Status check_scores(const Forest& forest) {
  const auto unknown = [](const char* what) { return Status::unimplemented(what); };
  if (forest.post_transform == PostTransform::probit ||
      forest.post_transform == PostTransform::softmax_zero) {
    return unknown("its post_transform is rare, and left to ONNX Runtime");
  }
  const std::size_t bases = forest.base_values.size();
  if (!forest.is_classifier) {
    if (bases != 0 && bases != forest.targets)
      return unknown("it has base values for some targets");
    return {};
  }
  if (forest.aggregate != Aggregate::sum) return unknown("a classifier that does not sum");
  if (forest.targets == 1) return unknown("it has one class");
  if (forest.targets == 2) {
    if (bases > 2) return unknown("it has more base values than classes");
    if (!forest.classes.one_class_scored && !every_leaf_scores(forest, 1)) {
      return unknown("some of its leaves score one of two classes");
    }
    if (bases == 1 && !forest.classes.one_class_scored) {
      return unknown("it has one base value for two classes");
    }
    return {};
  }
  if (bases != 0 && bases != forest.targets) return unknown("it has base values for some classes");
  const bool bare_leaf =
      std::ranges::any_of(forest.leaves, [](const ForestLeaf& leaf) { return leaf.count == 0; });
  if (bases == 0 && bare_leaf) return unknown("some of its leaves score no class");
  return {};
}

template <class Real>
std::int64_t finish_classes(const Forest& forest, const std::vector<Real>& base,
                            std::vector<Score<Real>>& scores) {
  return forest.targets == 2 ? finish_two(forest, base, scores) : finish_many(forest, base, scores);
}

// A lone target keeps its value: ONNX Runtime applies these to two and more.
template <class Real>
void transform_targets(const Forest& forest, std::vector<Score<Real>>& scores) {
  if (scores.size() > 1) transform_all(forest.post_transform, scores);
}

template std::int64_t finish_classes(const Forest&, const std::vector<float>&,
                                     std::vector<Score<float>>&);
template std::int64_t finish_classes(const Forest&, const std::vector<double>&,
                                     std::vector<Score<double>>&);
template void transform_targets(const Forest&, std::vector<Score<float>>&);
template void transform_targets(const Forest&, std::vector<Score<double>>&);

}  // namespace mlops
