// When requests of an open loop are meant to be sent, independent of how the server is doing.
//
// Pure and deterministic for a seed. Latency is measured from these instants, never from the moment
// a free connection was found: otherwise a stalled server would hide the requests that had to wait
// (coordinated omission).
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace mlops::loadgen {

enum class Arrivals { kConstant, kPoisson, kTrace };

class ArrivalSchedule {
 public:
  // rate_per_s > 0. The first arrival of a constant schedule is at start_ns, of a Poisson one a
  // random gap after it.
  ArrivalSchedule(Arrivals arrivals, double rate_per_s, std::uint64_t seed, std::int64_t start_ns);

  // A recorded schedule: instants after start_ns, ascending and not empty. Nothing comes after it.
  ArrivalSchedule(std::vector<std::int64_t> trace, std::int64_t start_ns);

  std::int64_t next_ns() const noexcept { return next_; }
  void advance();

 private:
  double gap_ns();

  Arrivals arrivals_;
  double interval_ns_;
  std::int64_t start_;
  std::mt19937_64 random_;
  std::uint64_t index_ = 0;
  double elapsed_ns_ = 0;  // since start_: below 2^53 ns, so exact to less than a nanosecond
  std::int64_t next_;
  std::vector<std::int64_t> trace_;
};

}  // namespace mlops::loadgen
