#include "detect/adwin.h"

#include <algorithm>

namespace mlops {
namespace {

constexpr std::size_t kRowsMax = 60;  // 2^60 values are never reached

double values_in_row(std::size_t i) { return std::ldexp(1.0, static_cast<int>(i)); }

}  // namespace

Result<Adwin> Adwin::make(Options options) {
  if (Status s = check_between("delta", options.delta, 0, 1); !s.ok()) return s;
  if (Status s = check_at_least("clock", options.clock, 1); !s.ok()) return s;
  if (Status s = check_at_least("max_buckets", options.max_buckets, 2); !s.ok()) return s;
  if (options.max_buckets > kBucketsMax)
    return Status::invalid_argument("max_buckets must be at most " + std::to_string(kBucketsMax));
  if (Status s = check_at_least("min_window_length", options.min_window_length, 1); !s.ok())
    return s;
  if (Status s = check_at_least("grace_period", options.grace_period, 0); !s.ok()) return s;
  return Adwin(options);
}

Adwin::Adwin(Options options) : options_(options) {
  buckets_.reserve(capacity() * 16);  // enough for a window of 300,000 values
  filled_.reserve(kRowsMax);
  reset();
}

void Adwin::reset() {
  buckets_.assign(capacity(), Bucket{});
  filled_.assign(1, 0);
  ticks_ = 0;
  width_ = total_ = squares_ = 0;
  verdict_ = Verdict::stable;
}

void Adwin::insert(double value) {
  row(0)[filled_[0]++] = {value, 0};
  width_ += 1;
  if (width_ > 1) {
    const double deviation = value - total_ / (width_ - 1);
    squares_ += (width_ - 1) * deviation * deviation / width_;
  }
  total_ += value;
  merge_full_rows();
}

// A row that is over its limit gives its two oldest buckets, as one, to the next.
void Adwin::merge_full_rows() {
  for (std::size_t i = 0; filled_[i] == capacity(); ++i) {
    if (i + 1 == filled_.size()) {
      filled_.push_back(0);
      buckets_.resize(filled_.size() * capacity());
    }
    Bucket* from = row(i);
    const double n = values_in_row(i);
    const double apart = from[0].total / n - from[1].total / n;
    const double between = n * 0.5 * apart * apart;
    row(i + 1)[filled_[i + 1]++] = {from[0].total + from[1].total,
                                    from[0].squares + from[1].squares + between};
    std::copy(from + 2, from + filled_[i], from);
    filled_[i] -= 2;
  }
}

void Adwin::drop_oldest() {
  const std::size_t last = filled_.size() - 1;
  const double n = values_in_row(last);
  const Bucket oldest = row(last)[0];
  width_ -= n;
  total_ -= oldest.total;
  const double apart = oldest.total / n - total_ / width_;
  squares_ -= oldest.squares + n * width_ * apart * apart / (n + width_);
  std::copy(row(last) + 1, row(last) + filled_[last], row(last));
  if (--filled_[last] == 0) {
    filled_.pop_back();
    buckets_.resize(filled_.size() * capacity());
  }
}

bool Adwin::changed_somewhere() const {
  const double least = static_cast<double>(options_.min_window_length);
  const double confidence = std::log(2.0 * std::log(width_) / options_.delta);
  const double variance = std::max(0.0, squares_ / width_);
  double old_n = 0, old_total = 0, new_n = width_, new_total = total_;
  for (std::size_t i = filled_.size(); i-- > 0;) {
    const double n = values_in_row(i);
    for (std::size_t k = 0; k < filled_[i]; ++k) {
      const double total = row(i)[k].total;
      old_n += n;
      new_n -= n;
      old_total += total;
      new_total -= total;
      if (new_n < least) return false;
      if (old_n < least) continue;
      const double inverse = 1.0 / (old_n - least + 1.0) + 1.0 / (new_n - least + 1.0);
      const double margin =
          std::sqrt(2.0 * inverse * variance * confidence) + 2.0 / 3.0 * confidence * inverse;
      if (std::abs(old_total / old_n - new_total / new_n) > margin) return true;
    }
  }
  return false;
}

Verdict Adwin::update(double value) {
  if (verdict_ == Verdict::drift) reset();
  insert(value);
  ++ticks_;
  verdict_ = Verdict::stable;
  if (ticks_ % options_.clock != 0 || width_ <= static_cast<double>(options_.grace_period))
    return verdict_;
  while (changed_somewhere()) {
    verdict_ = Verdict::drift;
    drop_oldest();
  }
  return verdict_;
}

}  // namespace mlops
