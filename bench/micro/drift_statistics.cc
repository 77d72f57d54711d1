// mlops-drift-statistics: how long every distance of 32 streams of 32 bins takes with and without
// vector instructions, and every p-value beside them, microseconds for all 32; and how long it
// takes to add up 60 windows of 100 streams of 1,000 replicas, milliseconds. Prints one JSON
// object.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <vector>

#include "observe/stream_comparer.h"

namespace mlops::micro {
namespace {

constexpr std::size_t kStreams = 32;
constexpr std::uint32_t kBins = 32;
constexpr int kRounds = 2'000;

constexpr std::size_t kReplicas = 1000;
constexpr std::size_t kWindows = 60;
constexpr std::size_t kMergedStreams = 100;

struct Watched {
  StreamCounts reference{StreamKind::numeric, kBins};
  StreamCounts window{StreamKind::numeric, kBins};
  BinGeometry geometry;
};

std::vector<Watched> streams() {
  std::mt19937 random(1);
  std::vector<Watched> made(kStreams);
  for (Watched& stream : made) {
    for (std::uint32_t i = 0; i < kBins; ++i) {
      stream.reference.masses[i] = 5'000 + random() % 2'000;
      stream.window.masses[i] = 50 + random() % 60;
    }
    stream.window.own(OwnMass::missing) = 3;
    stream.reference.moments = {200'000, 10, 200'000, -4, 4};
    stream.window.moments = {2'500, 10, 2'600, -4, 4};
    std::vector<float> edges;
    std::vector<float> quantiles;
    for (int i = 1; i < static_cast<int>(kBins); ++i) {
      edges.push_back(static_cast<float>(i) / kBins);
    }
    for (int i = 0; i < 256; ++i) quantiles.push_back((static_cast<float>(i) + 0.5F) / 256);
    stream.geometry = BinGeometry(edges, quantiles, 0, 1);
  }
  return made;
}

// The median round; `keep` is what the compiler must not leave out.
template <class Work>
double microseconds(Work work, double& keep) {
  std::vector<double> took(kRounds);
  for (double& round : took) {
    const auto begin = std::chrono::steady_clock::now();
    keep += work();
    round =
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
  }
  std::ranges::nth_element(took, took.begin() + kRounds / 2);
  return took[kRounds / 2];
}

// Each replica's windows are read once, as they come from somewhere; 64 of them take turns, 200 MB.
double merge_ms(double& keep) {
  std::mt19937 random(2);
  constexpr std::size_t kKept = 64;
  std::vector<CountsTable> replicas(kKept * kWindows);
  for (CountsTable& table : replicas) {
    table.assign(kMergedStreams, StreamCounts(StreamKind::numeric, kBins));
    for (StreamCounts& counts : table) counts.masses[random() % kBins] = random() % 100;
  }
  std::vector<CountsTable> sum(kWindows, replicas.front());
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t replica = 0; replica < kReplicas; ++replica) {
    for (std::size_t i = 0; i < kWindows; ++i) {
      if (!add_counts(sum[i], replicas[replica % kKept * kWindows + i]).ok()) return -1;
    }
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  for (const CountsTable& table : sum) keep += static_cast<double>(table.front().rows());
  return std::chrono::duration<double, std::milli>(took).count();
}

int measure() {
  const std::vector<Watched> watched = streams();
  double keep = 0;
  std::vector<StreamComparer> comparers;
  for (const Watched& stream : watched) comparers.emplace_back(stream.reference, stream.geometry);
  const double vectors = microseconds(
      [&] {
        double sum = 0;
        for (std::size_t i = 0; i < kStreams; ++i) {
          const auto found = comparers[i].compare(watched[i].window);
          sum += found.nominal.psi + found.ordered.ks + found.ordered.energy;
        }
        return sum;
      },
      keep);
  const double distances = microseconds(
      [&] {
        double sum = 0;
        for (const Watched& stream : watched) {
          const auto found = compare_stream(stream.reference, stream.window, stream.geometry);
          sum += found.nominal.psi + found.ordered.ks + found.ordered.energy;
        }
        return sum;
      },
      keep);
  const double with_chances = microseconds(
      [&] {
        double sum = 0;
        for (const Watched& stream : watched) {
          sum += chance_of(compare_stream(stream.reference, stream.window, stream.geometry)).chi2;
        }
        return sum;
      },
      keep);
  const double merge = merge_ms(keep);
  std::printf(
      "{\"streams\": %zu, \"bins\": %u, \"distances_us\": %.2f, \"plain_distances_us\": %.2f, "
      "\"with_p_values_us\": %.2f, \"merge_1000x60x100_ms\": %.0f, \"checksum\": %.6g}\n",
      kStreams, kBins, vectors, distances, with_chances, merge, keep);
  return 0;
}

}  // namespace
}  // namespace mlops::micro

int main() { return mlops::micro::measure(); }
