#pragma once
// What a shadow answered beside its primary: counts, comparisons by output, and the worst
// disagreements, of which a few are kept. Thread-safe; one short lock.

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "request/request.h"
#include "route/output_comparison.h"

namespace mlops {

struct Disagreement {
  static constexpr std::size_t kValues = 8;
  std::string request_id;
  std::string output;
  double difference = 0;        // the greatest |a - b|; infinity: not comparable
  std::vector<double> primary;  // the first values
  std::vector<double> shadow;
};

struct ShadowStatus {
  std::int64_t version = 0;
  std::uint16_t sample = 0;
  std::uint64_t offered = 0;       // primaries that were answered and sampled
  std::uint64_t compared = 0;      // of which both answered
  std::uint64_t failed = 0;        // the shadow did not
  std::uint64_t dropped_busy = 0;  // there was no idle capacity
  std::uint64_t dropped_full = 0;  // too many waited, or too many bytes
  std::uint64_t primary_ns = 0;    // of those compared, altogether
  std::uint64_t shadow_ns = 0;
  std::string last_failure;
  std::vector<std::pair<std::string, OutputComparison>> outputs;
  std::vector<Disagreement> worst;  // the worst first
};

class ShadowLog {
 public:
  static constexpr std::size_t kWorst = 16;
  static constexpr std::size_t kOutputs = 64;

  enum class Drop : std::uint8_t { busy, full };
  void offered();
  void dropped(Drop why);
  void failed(const Status& why);
  void compare(const std::string& request_id, const std::vector<NamedTensor>& primary,
               const std::vector<NamedTensor>& shadow, std::uint64_t primary_ns,
               std::uint64_t shadow_ns);
  ShadowStatus status() const;

 private:
  void note_worst_locked(Disagreement&& seen);

  mutable std::mutex mutex_;
  ShadowStatus seen_;  // guarded by mutex_
};

}  // namespace mlops
