#include "route/shadow_log.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace mlops {
namespace {

std::vector<double> first_values(const Tensor& tensor) {
  std::vector<double> values;
  const auto read = [&]<class Number>(Number value) {
    const std::size_t count = std::min(tensor.bytes.size() / sizeof value, Disagreement::kValues);
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(&value, tensor.bytes.data() + i * sizeof value, sizeof value);
      values.push_back(static_cast<double>(value));
    }
  };
  if (tensor.dtype == DType::f32) read(0.0F);
  if (tensor.dtype == DType::f64) read(0.0);
  if (tensor.dtype == DType::i64) read(std::int64_t{0});
  if (tensor.dtype == DType::i32) read(std::int32_t{0});
  return values;
}

}  // namespace

void ShadowLog::offered() {
  const std::lock_guard lock(mutex_);
  ++seen_.offered;
}

void ShadowLog::dropped(Drop why) {
  const std::lock_guard lock(mutex_);
  ++(why == Drop::busy ? seen_.dropped_busy : seen_.dropped_full);
}

void ShadowLog::failed(const Status& why) {
  const std::lock_guard lock(mutex_);
  ++seen_.failed;
  seen_.last_failure = why.to_string().substr(0, 512);
}

void ShadowLog::compare(const std::string& request_id, const std::vector<NamedTensor>& primary,
                        const std::vector<NamedTensor>& shadow, std::uint64_t primary_ns,
                        std::uint64_t shadow_ns) {
  const std::lock_guard lock(mutex_);
  ++seen_.compared;
  seen_.primary_ns += primary_ns;
  seen_.shadow_ns += shadow_ns;
  for (const NamedTensor& output : primary) {
    const auto other = std::ranges::find(shadow, output.name, &NamedTensor::name);
    auto known =
        std::ranges::find(seen_.outputs, output.name, [](const auto& o) { return o.first; });
    if (known == seen_.outputs.end()) {
      if (seen_.outputs.size() == kOutputs) continue;
      seen_.outputs.emplace_back(std::string(output.name), OutputComparison());
      known = seen_.outputs.end() - 1;
    }
    if (other == shadow.end()) {
      ++known->second.answers;
      ++known->second.unlike;
      continue;
    }
    const double difference = known->second.add(output.tensor, other->tensor);
    if (difference > 0) {
      note_worst_locked({request_id.substr(0, 256), std::string(output.name), difference,
                         first_values(output.tensor), first_values(other->tensor)});
    }
  }
}

void ShadowLog::note_worst_locked(Disagreement&& seen) {
  auto& worst = seen_.worst;
  if (worst.size() == kWorst) {
    if (seen.difference <= worst.back().difference) return;
    worst.pop_back();
  }
  const auto place =
      std::ranges::upper_bound(worst, seen.difference, std::greater<>(), &Disagreement::difference);
  worst.insert(place, std::move(seen));
}

ShadowStatus ShadowLog::status() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

}  // namespace mlops
