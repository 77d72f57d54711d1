#include "observe/frequent_values.h"

#include <algorithm>
#include <functional>

#include "observe/profile_bytes.h"

namespace mlops {

void FrequentValues::add(std::string_view text, std::uint64_t rows) {
  if (rows == 0) return;
  text = text.substr(0, kTextMax);
  rows_ += rows;
  const auto found = counts_.find(text);
  if (found != counts_.end()) {
    found->second += rows;
    return;
  }
  counts_.emplace(text, rows);
  shrink();
}

void FrequentValues::merge(const FrequentValues& other) {
  const FrequentValues theirs = other;  // which may be this one
  for (const auto& [text, rows] : theirs.counts_) counts_[text] += rows;
  rows_ += theirs.rows_;
  error_ += theirs.error_;
  shrink();
}

// The 65th most frequent count is taken off everybody: 65 values at least lose that much each, so
// that all that was ever taken off one value is at most a 65th of the rows.
void FrequentValues::shrink() {
  if (counts_.size() <= kKept) return;
  std::vector<std::uint64_t> counts;
  counts.reserve(counts_.size());
  for (const auto& each : counts_) counts.push_back(each.second);
  std::ranges::nth_element(counts, counts.begin() + kKept, std::greater());
  const std::uint64_t taken = counts[kKept];
  error_ += taken;
  std::erase_if(counts_, [&](const auto& each) { return each.second <= taken; });
  for (auto& each : counts_) each.second -= taken;
}

std::vector<FrequentValues::Value> FrequentValues::values() const {
  std::vector<Value> all;
  all.reserve(counts_.size());
  for (const auto& [text, rows] : counts_) all.push_back({text, rows});
  std::ranges::stable_sort(all, std::greater(), &Value::least);
  return all;
}

void FrequentValues::write(ProfileWriter& to) const {
  to.varint(rows_);
  to.varint(error_);
  to.varint(counts_.size());
  for (const auto& [text, rows] : counts_) {
    to.text(text);
    to.varint(rows);
  }
}

FrequentValues FrequentValues::read(ProfileReader& from) {
  FrequentValues made;
  made.rows_ = from.varint(kMassMax);
  made.error_ = from.varint(made.rows_ / (kKept + 1));
  std::uint64_t left = made.rows_ - made.error_ * (kKept + 1);
  for (std::uint64_t values = from.varint(kKept); values > 0 && from.ok(); --values) {
    const std::string_view text = from.text(kTextMax);
    const std::uint64_t rows = from.varint(left);
    const bool ascends = made.counts_.empty() || text > made.counts_.rbegin()->first;
    if (rows == 0 || !ascends) from.fail();
    if (!from.ok()) break;
    left -= rows;
    made.counts_.emplace_hint(made.counts_.end(), text, rows);
  }
  if (made.error_ == 0 && left != 0) from.fail();
  return made;
}

}  // namespace mlops
