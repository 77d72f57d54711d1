#include "observe/segment_shares.h"

#include <algorithm>
#include <cmath>

#include "observe/nominal_distances.h"

namespace mlops {
namespace {

constexpr std::size_t kSharesNamed = 3;

StreamCounts sum_of(const std::vector<StreamCounts>& segments) {
  StreamCounts sum(segments.front().kind, segments.front().bins);
  for (const StreamCounts& counts : segments) sum.add(counts);
  return sum;
}

}  // namespace

std::vector<SegmentShare> segment_shares(const std::vector<StreamCounts>& before,
                                         const std::vector<StreamCounts>& now, std::size_t first) {
  const StreamCounts all_before = sum_of(before);
  const StreamCounts all_now = sum_of(now);
  const auto m = static_cast<double>(std::max<std::uint64_t>(all_before.rows(), 1));
  const auto n = static_cast<double>(std::max<std::uint64_t>(all_now.rows(), 1));
  const std::size_t cells = all_before.masses.size();
  std::vector<double> ratio(cells);
  double divergence = 0;
  for (std::size_t i = 0; i < cells; ++i) {
    const auto a = static_cast<double>(all_before.masses[i]);
    const auto b = static_cast<double>(all_now.masses[i]);
    if (a + b == 0) continue;
    ratio[i] = std::log((b + 0.5) / n) - std::log((a + 0.5) / m);
    divergence += (b / n - a / m) * ratio[i];
  }
  std::vector<SegmentShare> shares;
  for (std::size_t s = 0; s < before.size(); ++s) {
    SegmentShare share;
    share.segment = first + s;
    share.before = static_cast<double>(before[s].rows()) / m;
    share.now = static_cast<double>(now[s].rows()) / n;
    share.psi_debiased = nominal_distances(before[s].masses, now[s].masses).psi_debiased;
    for (std::size_t i = 0; i < cells; ++i) {
      const double gained =
          static_cast<double>(now[s].masses[i]) / n - static_cast<double>(before[s].masses[i]) / m;
      share.share += gained * ratio[i];
    }
    share.share = divergence > 0 ? share.share / divergence : 0;
    shares.push_back(share);
  }
  return shares;
}

SegmentsSinceChange::SegmentsSinceChange(std::vector<std::vector<StreamCounts>> before,
                                         std::size_t stream)
    : before_(std::move(before)), now_(before_), stream_(stream) {
  for (auto& segmentation : now_) {
    for (StreamCounts& counts : segmentation) counts = StreamCounts(counts.kind, counts.bins);
  }
}

void SegmentsSinceChange::see(const std::vector<CountsTable>& segments, const StreamCounts& tile,
                              const StreamCounts& all) {
  if (segments.empty()) return;
  const std::uint64_t rows = all.rows();
  const bool begins =
      rows <= tile.rows();  // the change is no older than this tile, or there is none
  std::size_t at = 0;
  for (auto& segmentation : now_) {
    for (StreamCounts& counts : segmentation) {
      if (begins) counts = StreamCounts(counts.kind, counts.bins);
      if (rows > 0) counts.add(segments[at][stream_]);
      ++at;
    }
  }
}

std::vector<SegmentShare> SegmentsSinceChange::largest() const {
  std::vector<SegmentShare> found;
  std::size_t first = 0;
  for (std::size_t i = 0; i < now_.size(); ++i) {
    const auto seen = [](const StreamCounts& counts) { return counts.rows() > 0; };
    if (std::ranges::any_of(now_[i], seen)) {
      std::vector<SegmentShare> shares = segment_shares(before_[i], now_[i], first);
      std::ranges::stable_sort(shares, std::greater(), &SegmentShare::share);
      shares.resize(std::min(shares.size(), kSharesNamed));
      found.insert(found.end(), shares.begin(), shares.end());
    }
    first += now_[i].size();
  }
  std::ranges::stable_sort(found, std::greater(), &SegmentShare::share);
  return found;
}

}  // namespace mlops
