#include "engine/execution_trial.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <utility>

#include "engine/probe_rows.h"
#include "model/batch_rule.h"

namespace mlops {
namespace {

constexpr std::int64_t kFreeSizes[] = {64, 32, 8, 1, 128};  // for axes other than the batch
constexpr std::int64_t kOddRows = 3;  // compared only: code for pairs and fours has a rest
constexpr std::int64_t kBatchRows[] = {1, kOddRows, 8, 32};
constexpr double kScales[] = {1, -1, 0, 4};
constexpr int kRoundsMin = 3;
constexpr int kRoundsMax = 60;
constexpr int kSharesOfTime = 4;  // each size has one for its rounds, and all have one to compare
// A gain below this may be the machine's mood.
constexpr double kWorthwhile = 1.05;

// What broken features are made of: an activation that answers a number to NaN hides them.
constexpr double kOddFloats[] = {std::numeric_limits<double>::quiet_NaN(),
                                 std::numeric_limits<double>::infinity(),
                                 -std::numeric_limits<double>::infinity()};
// What it may be given where it answers those otherwise. Beyond the first, a square of a square
// overflows; the second admits what a byte or an angle in degrees is.
constexpr std::int64_t kMagnitudes[] = {std::int64_t{1} << 31, std::int64_t{1} << 12};
// No index of anything, and numbers that 32 bits do not hold.
constexpr std::int64_t kOddIntegers[] = {-7, (std::int64_t{1} << 33) + 5, (std::int64_t{1} << 62)};

using Slots = std::vector<OutputSlot>;

bool is_whole(DType dtype) { return dtype >= DType::u8 && dtype <= DType::i64; }

class Comparison {
 public:
  Comparison(Executor& reference, Executor& other, const Signature& signature,
             const ExecutionTerms& terms, const Clock& clock)
      : reference_(reference),
        other_(other),
        signature_(signature),
        terms_(terms),
        clock_(clock),
        half_(clock.now() + terms.time_max / 2),
        until_(clock.now() + terms.time_max) {}

  // Sizes for the open axes that the reference accepts.
  Status find_open_size() {
    Status last = Status::unimplemented("its inputs are too large for a trial");
    for (const std::int64_t size : kFreeSizes) {
      open_size_ = size;
      if (Status s = in_time(); !s.ok()) return s;
      const std::vector<Tensor> inputs = rows(1, 1);
      if (inputs.size() != signature_.inputs.size()) continue;
      Slots outputs = fresh();
      last = reference_.run(inputs, outputs);
      if (last.ok()) return {};
    }
    return last;
  }

  // Compares for all scales, for odd integers, and for what is no number unless `may_hide`.
  Status compare(std::int64_t count) {
    for (const double scale : kScales) {
      // Large batches of a slow model: one kind of row, and time for the next size.
      if (count > 1 && scale != kScales[0] && half_over()) return {};
      if (Status s = compare_on(rows(count, scale), "made-up rows"); !s.ok()) return s;
      if (!trial_.difference.empty()) return {};
    }
    for (const std::int64_t value : kOddIntegers) {
      std::vector<Tensor> inputs = rows(count, 1);
      if (!fill_integers(inputs, value) || (count > 1 && half_over())) break;
      if (Status s = compare_on(inputs, "integers of " + std::to_string(value)); !s.ok()) return s;
      if (!trial_.difference.empty()) return {};
    }
    return terms_.may_hide ? Status() : compare_odd_floats(count);
  }

  Status time(std::int64_t count) {
    const std::vector<Tensor> inputs = rows(count, 1);
    Duration theirs = Duration::max();
    Duration ours = Duration::max();
    const TimePoint share = clock_.now() + terms_.time_max / kSharesOfTime;
    for (int i = 0; i < kRoundsMax; ++i) {
      if (i >= kRoundsMin && clock_.now() > share) break;
      if (Status s = in_time(); !s.ok()) {
        if (i >= kRoundsMin) break;
        return s;
      }
      if (Status s = time_one(reference_, inputs, theirs); !s.ok()) return s;
      if (Status s = time_one(other_, inputs, ours); !s.ok()) return s;
    }
    const auto ticks = static_cast<double>(std::max<Duration::rep>(1, ours.count()));
    trial_.times.push_back({count, static_cast<double>(theirs.count()) / ticks});
    return {};
  }

  ExecutionTrial& result() { return trial_; }

 private:
  std::vector<Tensor> rows(std::int64_t count, double scale) {
    return make_probe_inputs(signature_, {count, open_size_, scale}, random_);
  }

  bool half_over() const { return clock_.now() > half_; }

  Status in_time() const {
    if (terms_.stop.stop_requested()) return Status::cancelled("the trial was broken off");
    if (clock_.now() <= until_) return {};
    return Status::deadline_exceeded("it is too slow to be tried in the time that there is");
  }

  Slots fresh() const {
    Slots slots(signature_.outputs.size());
    for (OutputSlot& slot : slots) slot.wanted = true;
    return slots;
  }

  static bool fill_integers(const std::vector<Tensor>& inputs, std::int64_t value) {
    bool any = false;
    for (const Tensor& input : inputs) {
      if (!is_whole(input.dtype)) continue;
      any = any || !input.bytes.empty();
      const std::size_t size = size_of(input.dtype);
      for (std::size_t at = 0; at < input.bytes.size(); at += size) {
        std::memcpy(input.owner->data() + at, &value, size);  // little-endian
      }
    }
    return any;
  }

  // Exact for NaN, infinities and powers of two; what is too large becomes the largest.
  static std::uint16_t as_half(double value) {
    if (std::isnan(value)) return 0x7E00;
    const unsigned sign = value < 0 ? 0x8000 : 0;
    if (std::isinf(value)) return static_cast<std::uint16_t>(sign | 0x7C00U);
    if (std::abs(value) > 65504) return static_cast<std::uint16_t>(sign | 0x7BFFU);
    const auto exponent = static_cast<unsigned>(std::ilogb(value) + 15);
    return static_cast<std::uint16_t>(sign | (exponent << 10));
  }

  template <class T>
  static bool put_first(const Tensor& input, T value) {
    std::memcpy(input.owner->data(), &value, sizeof value);
    return true;
  }

  // Into the first value of each input of floats; false where there is none.
  static bool put_float(const std::vector<Tensor>& inputs, double value) {
    bool any = false;
    const auto single = static_cast<float>(value);
    for (const Tensor& input : inputs) {
      if (input.bytes.empty()) continue;
      if (input.dtype == DType::f32) any = put_first(input, single);
      if (input.dtype == DType::f64) any = put_first(input, value);
      if (input.dtype == DType::f16) any = put_first(input, as_half(value));
      if (input.dtype == DType::bf16) {
        const std::uint32_t bits = std::bit_cast<std::uint32_t>(single);
        any = put_first(input, static_cast<std::uint16_t>(bits >> 16));
      }
    }
    return any;
  }

  Status compare_with(std::int64_t count, double value) {
    const std::vector<Tensor> inputs = rows(count, 1);
    if (!put_float(inputs, value) || (count > 1 && half_over())) return {};
    return compare_on(inputs, "rows with " + std::to_string(value));
  }

  // Where NaN or an infinity makes a difference, it may still run what has none: then what is
  // compared is the largest that it would get, for networks turn that into infinities as well.
  Status compare_odd_floats(std::int64_t count) {
    for (const double value : kOddFloats) {
      if (trial_.magnitude_max > 0) break;
      if (Status s = compare_with(count, value); !s.ok()) return s;
      if (!trial_.difference.empty()) limit_to(kMagnitudes[0]);
    }
    while (trial_.magnitude_max > 0) {
      const auto most = static_cast<double>(trial_.magnitude_max);
      for (const double value : {most, -most}) {
        if (!trial_.difference.empty()) break;
        if (Status s = compare_with(count, value); !s.ok()) return s;
      }
      if (trial_.difference.empty() || trial_.magnitude_max == kMagnitudes[1]) return {};
      limit_to(kMagnitudes[1]);
    }
    return {};
  }

  void limit_to(std::int64_t magnitude) {
    trial_.magnitude_max = magnitude;
    trial_.limited_by = std::exchange(trial_.difference, {});
  }

  Status compare_on(const std::vector<Tensor>& inputs, const std::string& what) {
    if (inputs.size() != signature_.inputs.size()) return {};
    if (Status s = in_time(); !s.ok()) return s;
    Slots expected = fresh();
    Slots given = fresh();
    const Status theirs = reference_.run(inputs, expected);
    const Status ours = other_.run(inputs, given);
    for (const Status& s : {theirs, ours}) {
      if (s.code() == Code::resource_exhausted || s.code() == Code::cancelled) return s;
    }
    if (!theirs.ok() || !ours.ok()) {
      if (theirs.ok()) {
        trial_.difference = "it fails on " + what + ": " + ours.message();
      } else if (ours.ok() && !terms_.may_refuse) {
        trial_.difference = "it answers " + what + ", which ONNX Runtime refuses";
      }
      return {};
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto difference = relative_difference(expected[i].tensor, given[i].tensor);
      const std::string& name = signature_.outputs[i].name;
      if (!difference) {
        trial_.difference = "output '" + name + "' differs on " + what;
      } else if (*difference > allowed(expected[i].tensor.dtype)) {
        char text[32];
        std::snprintf(text, sizeof text, "%.1g", *difference);
        trial_.difference = "output '" + name + "' differs by " + text + " on " + what;
      } else {
        trial_.worst = std::max(trial_.worst, *difference);
      }
      if (!trial_.difference.empty()) return {};
    }
    return {};
  }

  double allowed(DType dtype) const {
    if (dtype == DType::f64) return std::min(terms_.tolerance, 1e-10);
    if (dtype == DType::f16) return std::max(terms_.tolerance, 2e-3);
    if (dtype == DType::bf16) return std::max(terms_.tolerance, 1.6e-2);
    return terms_.tolerance;
  }

  Status time_one(Executor& executor, const std::vector<Tensor>& inputs, Duration& best) const {
    Slots outputs = fresh();
    const TimePoint before = clock_.now();
    if (Status s = executor.run(inputs, outputs); !s.ok()) return s;
    best = std::min(best, Duration{elapsed_ns(before, clock_.now())});
    return {};
  }

  Executor& reference_;
  Executor& other_;
  const Signature& signature_;
  const ExecutionTerms& terms_;
  const Clock& clock_;
  const TimePoint half_;
  const TimePoint until_;
  std::int64_t open_size_ = 1;
  std::mt19937_64 random_{29};
  ExecutionTrial trial_;
};

}  // namespace

Result<ExecutionTrial> try_execution(Backend& reference, Backend& other,
                                     const ExecutionTerms& terms, const Clock& clock) {
  const Result<std::unique_ptr<Executor>> theirs = reference.make_executor();
  if (!theirs.ok()) return theirs.status();
  const Result<std::unique_ptr<Executor>> ours = other.make_executor();
  if (!ours.ok()) return ours.status();
  const Signature& signature = other.signature();
  const bool batched = infer_batch_rule(signature).batchable;
  Comparison trial(**theirs, **ours, signature, terms, clock);
  if (Status s = trial.find_open_size(); !s.ok()) return s;
  const std::span<const std::int64_t> counts(kBatchRows, batched ? std::size(kBatchRows) : 1);
  for (const std::int64_t count : counts) {
    Status s = trial.compare(count);
    if (s.ok() && !trial.result().difference.empty()) break;
    if (s.ok() && count != kOddRows) s = trial.time(count);
    if (s.code() == Code::deadline_exceeded && count > 1) break;
    if (!s.ok()) return s;
  }
  return std::move(trial.result());
}

std::int64_t faster_from(const std::vector<TrialTimes>& times) {
  std::int64_t from = 0;
  for (auto it = times.rbegin(); it != times.rend() && it->speed_up >= kWorthwhile; ++it) {
    from = it->rows;
  }
  return from;
}

}  // namespace mlops
