#pragma once
// What an arm's guard is to do, as data.

#include <cstdint>
#include <string>

namespace mlops {

struct GuardPlan {
  std::string arm;                       // compared with stable
  double alpha = 0.01;                   // of a false alarm, in the arm's whole life
  double margin = 1.5;                   // what "no worse" allows: so many times stable's rate
  std::uint32_t warm_up = 50;            // answers of each before anything is compared
  std::uint32_t failures_in_a_row = 20;  // a hard stop; 0: none
  bool automatic = true;                 // takes the traffic away by itself
  // By how much the arm's latencies may exceed stable's and nobody minds: a part of them, and this.
  double latency_tolerance = 0;
  std::uint32_t latency_slack_us = 50;
  friend bool operator==(const GuardPlan&, const GuardPlan&) = default;
};

}  // namespace mlops
