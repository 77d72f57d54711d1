#pragma once
// Every distance between two counts of one stream: a reference and a window, or two versions of a
// model on the same traffic. Pure functions of counts; looking changes nothing.

#include "observe/nominal_distances.h"
#include "observe/ordered_distances.h"
#include "observe/rate_interval.h"

namespace mlops {

// Shares of all rows.
struct OwnRates {
  double missing = 0;
  double infinite = 0;
  double out_of_range = 0;
  double other_category = 0;
  double new_category = 0;
};

// Of the finite values.
struct MomentChange {
  double mean_difference = 0;  // window's less reference's, in the stream's unit
  double std_reference = 0;
  double std_window = 0;
};

struct StreamComparison {
  StreamKind kind = StreamKind::numeric;
  std::uint64_t reference_rows = 0;
  std::uint64_t window_rows = 0;
  NominalDistances nominal;
  OrderedDistances ordered;  // of a numeric stream; of a categorical one 0 throughout
  MomentChange moments;      // likewise
  OwnRates reference_rates;
  OwnRates window_rates;
  double w1_per_iqr = 0;  // per interquartile range of the reference
  double w1_per_std = 0;  // per its standard deviation
};

// `reference` and `window` combine (StreamCounts::combines_with).
StreamComparison compare_stream(const StreamCounts& reference, const StreamCounts& window,
                                const BinGeometry& geometry);

// Shares and moments of one side, of which the reference's do not change.
OwnRates rates_of(const StreamCounts& counts);
struct MeanAndStd {
  double mean = 0;  // about the reference's median
  double std = 0;
};
MeanAndStd mean_and_std(const Moments& moments);
void compare_moments(const MeanAndStd& before, const StreamCounts& reference,
                     const StreamCounts& window, const BinGeometry& geometry,
                     StreamComparison& found);

// How often rows of the reference's law would differ so much, at one look. Never what an alert
// rests on: with enough rows every p-value is small. See e_detector.h.
struct ChanceOf {
  double psi = 1;
  double chi2 = 1;
  double g = 1;
  double ks = 1;
  double kuiper = 1;
  double cvm = 1;
};
ChanceOf chance_of(const StreamComparison& comparison);

}  // namespace mlops
