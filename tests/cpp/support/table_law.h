#pragma once
// Rows of a stream whose law is known exactly: the bins' normal law, cut into 65,536 equal shares,
// so that a row is one look into a table.

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

#include "observe/counts.h"

namespace mlops::testing {

struct TableLaw {
  std::vector<std::uint16_t> cell;  // of 65,536 equally likely numbers
  std::uint32_t bins = 0;

  // Standard normal scores, moved and stretched, on `bins` equal bins of the standard normal law.
  static TableLaw normal(std::uint32_t bins, double shift = 0, double scale = 1) {
    TableLaw law;
    law.bins = bins;
    law.cell.resize(65536);
    std::size_t i = 0;
    for (std::uint32_t bin = 0; bin < bins; ++bin) {
      const double border = quantile((bin + 1.0) / bins);
      const double up_to = 0.5 * std::erfc((shift - border) / scale / std::numbers::sqrt2);
      const bool last = bin + 1 == bins;
      for (; i < 65536 && (last || (static_cast<double>(i) + 0.5) / 65536 < up_to); ++i) {
        law.cell[i] = static_cast<std::uint16_t>(bin);
      }
    }
    return law;
  }

  // So many of 65,536 rows are of this mass instead.
  TableLaw with_mass(OwnMass mass, std::size_t shares) const {
    TableLaw law = *this;
    for (std::size_t i = 0; i < shares; ++i) {
      law.cell[i * (65536 / shares)] =
          static_cast<std::uint16_t>(bins + static_cast<std::uint32_t>(mass));
    }
    return law;
  }

  void draw(std::size_t rows, std::mt19937_64& random, StreamCounts& to) const {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < rows; ++i, word >>= 16) {
      if (i % 4 == 0) word = random();
      ++to.masses[cell[word & 0xffff]];
    }
  }

  StreamCounts counts(std::size_t rows, std::mt19937_64& random) const {
    StreamCounts drawn(StreamKind::numeric, bins);
    draw(rows, random, drawn);
    return drawn;
  }

 private:
  static double quantile(double p) {
    double low = -9;
    double high = 9;
    for (int i = 0; i < 50; ++i) {
      const double middle = (low + high) / 2;
      (0.5 * std::erfc(-middle / std::numbers::sqrt2) < p ? low : high) = middle;
    }
    return low;
  }
};

}  // namespace mlops::testing
