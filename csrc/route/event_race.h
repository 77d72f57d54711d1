#pragma once
// Who has more bad events than its share of the traffic explains: an e-process that may be looked
// at after every event. A bad event came while the canary had a share of the two arms' requests;
// under the null hypothesis it is the canary's with at most the probability that this share and the
// null's ratio of rates give. Each alternative ratio is a bet against that; their mean is the
// e-value. It is above 1/alpha, ever, with a probability of at most alpha (Ville), whatever the
// shares were and whenever they changed. Good requests cost nothing. A value; no locks. Shares must
// have been fixed before the event was known; one event per unit and batch, or the guarantee is
// gone (event_filter.h).

#include <array>
#include <cstdint>

namespace mlops {

class EventRace {
 public:
  static constexpr std::size_t kAlternatives = 12;

  // Is the canary worse? Null: its rate is at most control's. Alternatives: 1.1 to 20 times.
  static EventRace worse();
  // Is it no worse than so many times control's rate? Null: it is worse than `margin` (above 1)
  // times. Alternatives: half as many to as many.
  static EventRace no_worse_than(double margin);

  // `share`: of the canary in the two arms' requests, when this one was assigned; 0 and 1 say
  // nothing.
  void add(double share, bool canary);
  double log_e() const;
  // False: log_e() is below `log_e`. Cheap.
  bool may_reach(double log_e) const;
  std::uint64_t events() const { return events_; }
  std::uint64_t canary_events() const { return canary_events_; }

 private:
  EventRace() = default;

  double null_ratio_ = 1;
  // What an event adds to each bet while the share is the same.
  struct Terms {
    double share = 0;
    std::array<double, kAlternatives> canary{};
    std::array<double, kAlternatives> control{};
  };
  void set_terms(double share);

  std::array<double, kAlternatives> ratios_{};
  Terms terms_;
  std::array<double, kAlternatives> log_wealth_{};
  std::uint64_t events_ = 0;
  std::uint64_t canary_events_ = 0;
};

// The log of the mean of e-values, given their logs: an e-value again.
double log_mean_e(const double* logs, std::size_t count);

// How many events no_worse_than(margin) takes on average when the two arms are the same.
double expected_events(double share, double margin, double alpha);

}  // namespace mlops
