#include "observe/quantile_sketch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "observe/profile_bytes.h"

namespace mlops {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

// By depth below the topmost level. Each level has two thirds of the room of the one above: the
// values that are thrown away stand for few rows, those that are kept for many.
using Capacities = std::array<std::size_t, QuantileSketch::kLevelsMax + 1>;
const Capacities& capacities() {
  static const Capacities made = [] {
    Capacities each{};
    double wanted = static_cast<double>(QuantileSketch::kAccuracy);
    for (std::size_t& capacity : each) {
      capacity = std::max(QuantileSketch::kNarrowest, static_cast<std::size_t>(std::ceil(wanted)));
      wanted *= 2.0 / 3.0;
    }
    return each;
  }();
  return made;
}

}  // namespace

QuantileSketch::QuantileSketch() : levels_(1), min_(kNone), max_(kNone) { room_ = room(); }

std::size_t QuantileSketch::kept() const { return kept_; }

std::size_t QuantileSketch::capacity(std::size_t level) const {
  return capacities()[levels_.size() - 1 - level];
}

std::size_t QuantileSketch::room() const {
  std::size_t all = 0;
  for (std::size_t level = 0; level < levels_.size(); ++level) all += capacity(level);
  return all;
}

// What is drawn depends on the values too: sketches that are merged, which all began alike, must
// not err in one direction.
bool QuantileSketch::coin(float among) {
  random_ ^= std::bit_cast<std::uint32_t>(among) + rows_;
  if (random_ == 0) random_ = 1;
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return (random_ >> 32 & 1) != 0;
}

void QuantileSketch::add(float value) {
  if (std::isnan(value)) return;
  min_ = rows_ == 0 ? value : std::min(min_, value);
  max_ = rows_ == 0 ? value : std::max(max_, value);
  levels_.front().push_back(value);
  ++rows_;
  if (++kept_ > room_) compress();
}

// Of every two neighbours one goes up and stands for both; which of the two is drawn once for all,
// so that the error has mean zero. An odd one stays: no row is lost.
void QuantileSketch::halve(std::size_t level) {
  if (level + 1 == levels_.size()) {
    levels_.emplace_back();
    room_ = room();
  }
  std::vector<float>& from = levels_[level];
  std::vector<float>& to = levels_[level + 1];
  std::ranges::sort(from);
  const std::size_t stay = from.size() % 2;
  const std::size_t odd = coin(from[from.size() / 2]) ? 1 : 0;
  for (std::size_t at = stay + odd; at < from.size(); at += 2) to.push_back(from[at]);
  kept_ -= (from.size() - stay) / 2;
  from.resize(stay);
}

void QuantileSketch::compress() {
  while (kept_ > room_) {
    std::size_t level = 0;
    while (levels_[level].size() < capacity(level)) ++level;  // kept_ > room_: there is one
    halve(level);
  }
}

void QuantileSketch::merge(const QuantileSketch& other) {
  if (other.rows_ == 0) return;
  min_ = rows_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = rows_ == 0 ? other.max_ : std::max(max_, other.max_);
  const std::size_t theirs = other.levels_.size();  // `other` may be this one
  if (levels_.size() < theirs) levels_.resize(theirs);
  for (std::size_t level = 0; level < theirs; ++level) {
    const std::vector<float> values = other.levels_[level];
    levels_[level].insert(levels_[level].end(), values.begin(), values.end());
  }
  rows_ += other.rows_;
  kept_ += other.kept_;
  room_ = room();
  compress();
}

std::vector<QuantileSketch::Weighted> QuantileSketch::sorted() const {
  std::vector<Weighted> all;
  all.reserve(kept_);
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    for (const float value : levels_[level]) all.push_back({value, std::uint64_t{1} << level});
  }
  std::ranges::sort(all, {}, &Weighted::value);
  return all;
}

float QuantileSketch::quantile(double level) const {
  if (rows_ == 0 || std::isnan(level)) return kNone;
  if (level <= 0) return min_;
  if (level >= 1) return max_;
  const double wanted = level * static_cast<double>(rows_);
  std::uint64_t before = 0;
  for (const Weighted& each : sorted()) {
    before += each.weight;
    if (static_cast<double>(before) >= wanted) return each.value;
  }
  return max_;
}

double QuantileSketch::rank(float value) const {
  if (rows_ == 0 || std::isnan(value)) return kNone;
  if (value < min_) return 0;
  if (value >= max_) return 1;
  std::uint64_t below = 0;
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    const auto count = std::ranges::count_if(levels_[level], [=](float v) { return v <= value; });
    below += static_cast<std::uint64_t>(count) << level;
  }
  return static_cast<double>(below) / static_cast<double>(rows_);
}

void QuantileSketch::write(ProfileWriter& to) const {
  to.varint(rows_);
  if (rows_ == 0) return;
  to.real(min_);
  to.real(max_);
  to.varint(levels_.size());
  for (const std::vector<float>& level : levels_) {
    to.varint(level.size());
    for (const float value : level) to.real(value);
  }
}

QuantileSketch QuantileSketch::read(ProfileReader& from) {
  QuantileSketch made;
  made.rows_ = from.varint(kMassMax);
  if (made.rows_ == 0) return made;
  made.min_ = from.real32();
  made.max_ = from.real32();
  const std::size_t levels = from.varint(kLevelsMax);
  if (levels == 0) from.fail();
  if (!from.ok()) return {};
  made.levels_.assign(levels, {});
  made.room_ = made.room();
  std::uint64_t rows = 0;
  for (std::size_t level = 0; level < levels; ++level) {
    const std::uint64_t count = from.varint(made.room_ - made.kept_);
    made.kept_ += count;
    rows += count << level;
    for (std::uint64_t i = 0; i < count; ++i) {
      made.levels_[level].push_back(from.real32());
      // What is between the two is a number; where either of them is none nothing is.
      const float value = made.levels_[level].back();
      if (!(made.min_ <= value && value <= made.max_)) from.fail();
    }
    if (!from.ok()) return {};
  }
  if (rows != made.rows_) {
    from.fail();
    return {};
  }
  return made;
}

}  // namespace mlops
