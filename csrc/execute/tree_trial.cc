#include "execute/tree_trial.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace mlops {
namespace {

// Sums are made in the same order, so they are the same; the transforms after them are computed by
// other code (exp of vectors there), and differ in the last places.
constexpr float kTolerance = 5e-7F;
constexpr int kRepeats = 5;

std::vector<float> trial_rows(const Forest& forest, const TrialRows& trial_of) {
  const auto width = static_cast<std::size_t>(trial_of.width);
  std::vector<std::vector<float>> borders(width);
  for (const ForestNode& node : forest.nodes) {
    if (node.mode != NodeMode::leaf) {
      borders[node.feature].push_back(static_cast<float>(node.threshold));
    }
  }
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kOdd[] = {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity, 0.0F,
                            -0.0F};
  std::mt19937 random(20'24);
  std::vector<float> rows(static_cast<std::size_t>(kTrialRows) * width);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::vector<float>& near = borders[i % width];
    const auto kind = random() % 8;
    if (kind == 0 || near.empty()) {
      rows[i] = kOdd[random() % std::size(kOdd)];
      continue;
    }
    float border = near[random() % near.size()];
    for (std::size_t step = trial_of.steps.size(); step-- > 0;) {
      border = trial_of.steps[step].undo(border, i % width);
    }
    rows[i] = kind <= 3   ? border
              : kind <= 5 ? std::nextafter(border, kInfinity)
                          : std::nextafter(border, -kInfinity);
  }
  return rows;
}

bool alike(const Tensor& a, const Tensor& b) {
  if (a.dtype != b.dtype || a.shape != b.shape || a.bytes.size() != b.bytes.size()) return false;
  if (a.dtype != DType::f32) return std::ranges::equal(a.bytes, b.bytes);
  for (std::size_t at = 0; at < a.bytes.size(); at += sizeof(float)) {
    float x = 0;
    float y = 0;
    std::memcpy(&x, a.bytes.data() + at, sizeof x);
    std::memcpy(&y, b.bytes.data() + at, sizeof y);
    const bool same = x == y || (std::isnan(x) && std::isnan(y)) ||
                      std::abs(x - y) <= kTolerance * std::max(1.0F, std::abs(x));
    if (!same) return false;
  }
  return true;
}

std::vector<OutputSlot> fresh_slots(std::size_t count) {
  std::vector<OutputSlot> slots(count);
  for (OutputSlot& slot : slots) slot.wanted = true;
  return slots;
}

// The quickest of some runs, of which the first warms up.
Result<Duration> time_of(Executor& executor, const Tensor& input, std::size_t outputs) {
  Duration best = Duration::max();
  const SteadyClock clock;
  for (int i = 0; i < kRepeats; ++i) {
    std::vector<OutputSlot> slots = fresh_slots(outputs);
    const TimePoint start = clock.now();
    if (Status s = executor.run({&input, 1}, slots); !s.ok()) return s;
    best = std::min(best, clock.now() - start);
  }
  return best;
}

Result<double> speed_up(Executor& reference, Executor& ours, const Tensor& input,
                        std::size_t outputs) {
  const Result<Duration> slow = time_of(reference, input, outputs);
  const Result<Duration> fast = time_of(ours, input, outputs);
  if (!slow.ok()) return slow.status();
  if (!fast.ok()) return fast.status();
  const auto ticks = std::max<Duration::rep>(1, fast->count());
  return static_cast<double>(slow->count()) / static_cast<double>(ticks);
}

}  // namespace

namespace {

// Both on all rows, so many in a call.
Result<bool> answers_alike(Executor& theirs, Executor& mine, const Tensor& all,
                           std::int64_t at_once, std::size_t outputs) {
  const std::size_t row_bytes = all.bytes.size() / static_cast<std::size_t>(all.shape[0]);
  Tensor some = all;
  some.shape.set(0, at_once);
  for (std::int64_t first = 0; first < all.shape[0]; first += at_once) {
    some.bytes = all.bytes.subspan(static_cast<std::size_t>(first) * row_bytes,
                                   static_cast<std::size_t>(at_once) * row_bytes);
    std::vector<OutputSlot> expected = fresh_slots(outputs);
    std::vector<OutputSlot> given = fresh_slots(outputs);
    if (Status s = theirs.run({&some, 1}, expected); !s.ok()) return s;
    if (Status s = mine.run({&some, 1}, given); !s.ok()) return s;
    if (!std::ranges::equal(expected, given, alike, &OutputSlot::tensor, &OutputSlot::tensor)) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<TreeTrial> try_trees(Backend& reference, Backend& ours, const Forest& forest,
                            const TrialRows& trial_of) {
  Result<std::unique_ptr<Executor>> theirs = reference.make_executor();
  if (!theirs.ok()) return theirs.status();
  Result<std::unique_ptr<Executor>> mine = ours.make_executor();
  if (!mine.ok()) return mine.status();
  const std::vector<float> rows = trial_rows(forest, trial_of);
  const Tensor many{
      DType::f32, Shape{kTrialRows, trial_of.width}, std::as_bytes(std::span(rows)), {}};
  const std::size_t outputs = ours.signature().outputs.size();
  const std::int64_t at_once = trial_of.one_at_a_time ? 1 : kTrialRows;
  const Result<bool> same = answers_alike(**theirs, **mine, many, at_once, outputs);
  if (!same.ok()) return same.status();
  TreeTrial trial;
  trial.alike = *same;
  if (!trial.alike) return trial;
  Tensor one = many;
  one.shape.set(0, 1);
  one.bytes = many.bytes.first(static_cast<std::size_t>(trial_of.width) * sizeof(float));
  const Result<double> for_one = speed_up(**theirs, **mine, one, outputs);
  if (!for_one.ok()) return for_one.status();
  trial.speed_up_one_row = trial.speed_up_many_rows = *for_one;
  if (trial_of.one_at_a_time) return trial;
  const Result<double> for_many = speed_up(**theirs, **mine, many, outputs);
  if (!for_many.ok()) return for_many.status();
  trial.speed_up_many_rows = *for_many;
  return trial;
}

}  // namespace mlops
