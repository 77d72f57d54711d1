#include "observe/reference_build.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "observe/profile_bytes.h"
#include "observe/stable_hash.h"

namespace mlops {
namespace {

// 1-based order statistic of rank ceil(n * share), share = part / of.
template <class T>
T order_statistic(const std::vector<T>& sorted, std::uint64_t part, std::uint64_t of) {
  const std::uint64_t rank = (sorted.size() * part + of - 1) / of;
  return sorted[std::max<std::uint64_t>(rank, 1) - 1];
}

std::vector<float> equal_frequency_edges(const std::vector<float>& sorted, std::uint32_t bins) {
  std::vector<float> edges;
  float last = sorted.front();      // the last edge, or where the first bin begins
  float previous = sorted.front();  // the last order statistic looked at
  for (std::uint32_t k = 1; k < bins; ++k) {
    float edge = order_statistic(sorted, k, bins);
    if (edge == previous) {
      // A value that fills a bin: the next bin begins at the next value there is.
      const auto next = std::ranges::upper_bound(sorted, edge);
      if (next == sorted.end()) break;
      edge = *next;
    } else {
      previous = edge;
    }
    if (edge > last) edges.push_back(last = edge);
  }
  return edges;
}

void count_values(const std::vector<float>& sorted, const NumericBins& bins, StreamCounts& counts) {
  auto from = sorted.begin();
  for (std::uint32_t i = 0; i < counts.bins; ++i) {
    const auto to = i < bins.edges.size()
                        ? std::ranges::lower_bound(from, sorted.end(), bins.edges[i])
                        : sorted.end();
    counts.masses[i] = static_cast<std::uint64_t>(to - from);
    from = to;
  }
  counts.moments.n = sorted.size();
  for (const float x : sorted) {
    const double d = static_cast<double>(x) - static_cast<double>(bins.median);
    counts.moments.sum += d;
    counts.moments.sum2 += d * d;
  }
  if (sorted.empty()) return;
  counts.moments.min = sorted.front();
  counts.moments.max = sorted.back();
}

// Values with how often they were seen, the most frequent first, then in their own order.
template <class Key>
std::vector<std::pair<Key, std::uint64_t>> by_frequency(
    const std::unordered_map<Key, std::uint64_t>& seen) {
  std::vector<std::pair<Key, std::uint64_t>> order(seen.begin(), seen.end());
  std::ranges::sort(order, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return order;
}

template <class Key, class Keep>
StreamReference categories_of(StreamName name, const std::unordered_map<Key, std::uint64_t>& seen,
                              std::uint64_t missing, std::uint32_t most, Keep keep) {
  const auto order = by_frequency(seen);
  const std::size_t coded = std::min<std::size_t>(order.size(), most);
  StreamReference stream;
  stream.name = std::move(name);
  stream.counts = StreamCounts(StreamKind::categorical, static_cast<std::uint32_t>(coded));
  stream.counts.own(OwnMass::missing) = missing;
  Categories& categories = stream.categories;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i < coded) {
      keep(categories, order[i].first);
      stream.counts.masses[i] = order[i].second;
      continue;
    }
    stream.counts.own(OwnMass::other_category) += order[i].second;
    if (categories.rare.size() < kRareMax) categories.rare.push_back(stable_hash(order[i].first));
  }
  categories.all_rare_known = order.size() <= coded + kRareMax;
  std::ranges::sort(categories.rare);
  categories.rare.erase(std::unique(categories.rare.begin(), categories.rare.end()),
                        categories.rare.end());
  return stream;
}

}  // namespace

Status check_options(const ReferenceOptions& options) {
  if (options.bins < 2 || options.bins > kBinsMax) {
    return Status::invalid_argument("a reference has 2 to 256 bins, not " +
                                    std::to_string(options.bins));
  }
  if (options.categories_max < 1 || options.categories_max > kCategoriesMax) {
    return Status::invalid_argument("a reference names 1 to 256 categories, not " +
                                    std::to_string(options.categories_max));
  }
  return {};
}

StreamReference numeric_reference(StreamName name, std::span<const float> column,
                                  const ReferenceOptions& options) {
  StreamReference stream;
  stream.name = std::move(name);
  NumericBins& bins = stream.numeric;
  std::vector<float> sorted;
  sorted.reserve(column.size());
  std::uint64_t infinite[2] = {0, 0};
  for (const float x : column) {
    if (std::isfinite(x)) sorted.push_back(x + 0.0F);  // no -0.0: files should not depend on it
    if (std::isinf(x)) ++infinite[x > 0 ? 1 : 0];
  }
  std::ranges::sort(sorted);
  if (!sorted.empty()) {
    bins.min = sorted.front();
    bins.max = sorted.back();
    bins.median = order_statistic(sorted, 1, 2);
    bins.edges = equal_frequency_edges(sorted, options.bins);
  }
  for (std::uint32_t i = 0; i < kQuantiles; ++i) {
    bins.quantiles.push_back(sorted.empty() ? 0.0F
                                            : order_statistic(sorted, 2 * i + 1, 2 * kQuantiles));
  }
  stream.counts =
      StreamCounts(StreamKind::numeric, static_cast<std::uint32_t>(bins.edges.size() + 1));
  count_values(sorted, bins, stream.counts);
  stream.counts.own(OwnMass::negative_infinity) = infinite[0];
  stream.counts.own(OwnMass::positive_infinity) = infinite[1];
  stream.counts.own(OwnMass::missing) = column.size() - sorted.size() - infinite[0] - infinite[1];
  return stream;
}

StreamReference number_categories(StreamName name, std::span<const double> column,
                                  const ReferenceOptions& options) {
  std::unordered_map<double, std::uint64_t> seen;
  std::uint64_t missing = 0;
  for (const double number : column) {
    if (std::isnan(number)) {
      ++missing;
    } else {
      ++seen[number + 0.0];
    }
  }
  return categories_of(std::move(name), seen, missing, options.categories_max,
                       [](Categories& to, double number) { to.numbers.push_back(number); });
}

StreamReference string_categories(StreamName name, std::span<const std::string_view> column,
                                  const ReferenceOptions& options) {
  std::unordered_map<std::string_view, std::uint64_t> seen;
  std::uint64_t missing = 0;
  for (const std::string_view text : column) {
    if (text.data() == nullptr) {
      ++missing;
    } else {
      ++seen[text];
    }
  }
  StreamReference stream =
      categories_of(std::move(name), seen, missing, options.categories_max,
                    [](Categories& to, std::string_view text) { to.strings.emplace_back(text); });
  stream.categories.of_strings = true;
  return stream;
}

Result<ReferencePtr> seal_reference(std::vector<StreamReference> streams,
                                    std::vector<Segmentation> segmentations) {
  if (streams.empty()) return Status::invalid_argument("a reference needs a stream");
  std::set<std::tuple<StreamRole, std::string, std::uint32_t>> columns;
  for (const StreamReference& stream : streams) {
    const StreamName& name = stream.name;
    if (!columns.emplace(name.role, name.tensor, name.column).second) {
      return Status::invalid_argument("column " + std::to_string(name.column) + " of '" +
                                      name.tensor + "' is there twice");
    }
  }
  auto reference = std::make_shared<Reference>();
  reference->streams = std::move(streams);
  reference->segmentations = std::move(segmentations);
  const std::string bytes = reference_bytes(*reference);
  reference->id = stable_digest(bytes);
  // What cannot be read back is not a reference: one list of rules, the reader's.
  Result<Profile> again = read_profile(profile_bytes({reference, {}}));
  if (!again.ok()) return again.status();
  return ReferencePtr(std::move(reference));
}

CountsTable Reference::empty_counts() const {
  CountsTable table;
  table.reserve(streams.size());
  for (const StreamReference& stream : streams) {
    table.emplace_back(stream.counts.kind, stream.counts.bins);
  }
  return table;
}

}  // namespace mlops
