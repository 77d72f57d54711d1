// mlops-drift-detector: false alarms of the e-detector over simulated rows that have not changed,
// and how many rows it takes to see a change. Prints one JSON object. Deterministic.
//
//   mlops-drift-detector null ROWS A REFERENCE_ROWS TILE
//   mlops-drift-detector delays A REFERENCE_ROWS TILE RUNS
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "observe/e_detector.h"

namespace mlops::micro {
namespace {

constexpr std::uint32_t kBins = 32;
constexpr std::size_t kShares = 65536;

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

// A law of the bins, exact: the bin of each of 65,536 equal shares.
using Law = std::vector<std::uint16_t>;

template <class Cdf>
Law law_of(Cdf cdf) {
  Law law(kShares);
  std::size_t bin = 0;
  // The bins' borders are the standard normal's; `cdf` is of the changed law there.
  std::vector<double> up_to(kBins, 1);
  for (std::size_t b = 0; b + 1 < kBins; ++b) {
    double low = -9;
    double high = 9;
    for (int i = 0; i < 60; ++i) {
      const double z = (low + high) / 2;
      (normal_cdf(z) < (static_cast<double>(b) + 1) / kBins ? low : high) = z;
    }
    up_to[b] = cdf(low);
  }
  for (std::size_t i = 0; i < kShares; ++i) {
    while (bin + 1 < kBins && (static_cast<double>(i) + 0.5) / kShares > up_to[bin]) ++bin;
    law[i] = static_cast<std::uint16_t>(bin);
  }
  return law;
}

void draw(const Law& law, std::size_t rows, std::mt19937_64& random, StreamCounts& to) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < rows; ++i, word >>= 16) {
    if (i % 4 == 0) word = random();
    ++to.masses[law[word & 0xffff]];
  }
}

StreamCounts counts_of(const Law& law, std::size_t rows, std::mt19937_64& random) {
  StreamCounts counts(StreamKind::numeric, kBins);
  draw(law, rows, random, counts);
  return counts;
}

EDetector fresh(const StreamCounts& reference) {
  return {std::make_shared<const Bets>(reference, BetOptions{}), reference};
}

// A new reference for every 1/100 of the rows, so that its luck is part of what is measured.
int null_alarms(double rows, double target, std::size_t reference_rows, std::size_t tile_rows) {
  const Law same = law_of(normal_cdf);
  std::mt19937_64 random(1);
  std::uint64_t alarms = 0;
  double seen = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int part = 0; part < 100; ++part) {
    const StreamCounts reference = counts_of(same, reference_rows, random);
    EDetector detector = fresh(reference);
    for (double done = 0; done < rows / 100; done += static_cast<double>(tile_rows)) {
      detector.see(counts_of(same, tile_rows, random));
      seen += static_cast<double>(tile_rows);
      if (detector.evidence() < target) continue;
      ++alarms;
      detector.forget_evidence();
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const double allowed = seen / target;
  std::printf(
      "{\"rows\": %.0f, \"average_run_rows\": %.0f, \"reference_rows\": %zu, \"tile_rows\": %zu, "
      "\"false_alarms\": %llu, \"allowed_on_average\": %.2f, \"seconds\": %.1f}\n",
      seen, target, reference_rows, tile_rows, static_cast<unsigned long long>(alarms), allowed,
      took.count());
  return static_cast<double>(alarms) <= allowed + 3 * std::sqrt(allowed) ? 0 : 1;
}

// Rows from the change, after 20,000 clean ones, to the alarm; 0: none within 100,000.
std::size_t delay(const Law& clean, const Law& changed, double target, std::size_t reference_rows,
                  std::size_t tile_rows, std::mt19937_64& random) {
  EDetector detector = fresh(counts_of(clean, reference_rows, random));
  for (std::size_t done = 0; done < 20'000; done += tile_rows) {
    detector.see(counts_of(clean, tile_rows, random));
    if (detector.evidence() >= target) detector.forget_evidence();
  }
  for (std::size_t done = tile_rows; done <= 100'000; done += tile_rows) {
    detector.see(counts_of(changed, tile_rows, random));
    if (detector.evidence() >= target) return done;
  }
  return 0;
}

int delays(double target, std::size_t reference_rows, std::size_t tile_rows, int runs) {
  const auto shifted = [](double by) {
    return law_of([by](double z) { return normal_cdf(z - by); });
  };
  const std::vector<std::pair<std::string, Law>> changes = {
      {"+0.05 sigma", shifted(0.05)},
      {"+0.1 sigma", shifted(0.1)},
      {"+0.25 sigma", shifted(0.25)},
      {"+0.5 sigma", shifted(0.5)},
      {"+1 sigma", shifted(1)},
      {"sd x1.2", law_of([](double z) { return normal_cdf(z / 1.2); })},
      {"bimodal, same mean and variance", law_of([](double z) {
         return (normal_cdf((z - 0.9) / std::sqrt(0.19)) +
                 normal_cdf((z + 0.9) / std::sqrt(0.19))) /
                2;
       })},
  };
  const Law clean = law_of(normal_cdf);
  std::mt19937_64 random(2);
  std::printf("{\"average_run_rows\": %.0f, \"reference_rows\": %zu, \"tile_rows\": %zu", target,
              reference_rows, tile_rows);
  for (const auto& [name, law] : changes) {
    std::vector<std::size_t> found;
    int missed = 0;
    for (int run = 0; run < runs; ++run) {
      const std::size_t rows = delay(clean, law, target, reference_rows, tile_rows, random);
      rows == 0 ? static_cast<void>(++missed) : found.push_back(rows);
    }
    std::ranges::sort(found);
    std::printf(", \"%s\": {\"median_rows\": %zu, \"missed\": %d, \"of\": %d}", name.c_str(),
                found.empty() ? 0 : found[found.size() / 2], missed, runs);
  }
  std::printf("}\n");
  return 0;
}

}  // namespace
}  // namespace mlops::micro

int main(int count, char** arguments) {
  const auto number = [&](int i) { return i < count ? std::atof(arguments[i]) : 0.0; };
  const std::string what = count > 1 ? arguments[1] : "";
  const auto size = [&](int i) { return static_cast<std::size_t>(number(i)); };
  if (what == "null" && count == 6) {
    return mlops::micro::null_alarms(number(2), number(3), size(4), size(5));
  }
  if (what == "delays" && count == 6) {
    return mlops::micro::delays(number(2), size(3), size(4), static_cast<int>(number(5)));
  }
  std::fprintf(stderr,
               "usage: mlops-drift-detector null ROWS A REFERENCE_ROWS TILE\n"
               "       mlops-drift-detector delays A REFERENCE_ROWS TILE RUNS\n");
  return 2;
}
