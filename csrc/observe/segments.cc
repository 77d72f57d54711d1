#include "observe/segments.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "observe/stream_cells.h"

namespace mlops {
namespace {

constexpr std::size_t kSegmentTileRows = 64;
constexpr std::uint32_t kCategoriesApart = 16;  // where nobody says how many

std::string edge_text(float edge) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", static_cast<double>(edge));
  return text.data();
}

Status refuse(const StreamReference& stream, const char* why) {
  return Status::invalid_argument("segments of '" + stream.name.label + "': " + why);
}

}  // namespace

std::size_t segment_of(const Segmentation& by, float value) {
  if (std::isnan(value)) return by.size() - 1;
  if (by.categories > 0) {
    return value < static_cast<float>(by.categories) ? static_cast<std::size_t>(value)
                                                     : by.categories;
  }
  return static_cast<std::size_t>(std::ranges::upper_bound(by.edges, value) - by.edges.begin());
}

std::size_t segments_of(const Reference& reference) {
  std::size_t all = 0;
  for (const Segmentation& by : reference.segmentations) all += by.size();
  return all;
}

SegmentPlace segment_place(const Reference& reference, std::size_t segment) {
  for (const Segmentation& by : reference.segmentations) {
    if (segment < by.size()) return {&by, segment};
    segment -= by.size();
  }
  return {};
}

std::string segment_name(const Reference& reference, std::size_t segment) {
  const auto [by, index] = segment_place(reference, segment);
  const StreamReference& stream = reference.streams[by->stream];
  const std::string& label = stream.name.label;
  if (index + 1 == by->size()) return label + ": missing";
  if (by->categories > 0) {
    if (index == by->categories) return label + ": other";
    return label + " = " + cell_name(stream, static_cast<std::uint32_t>(index));
  }
  if (index == 0) return label + " < " + edge_text(by->edges.front());
  if (index == by->edges.size()) return label + " >= " + edge_text(by->edges.back());
  return label + " [" + edge_text(by->edges[index - 1]) + ", " + edge_text(by->edges[index]) + ")";
}

SegmentCounts empty_segments(const Reference& reference) {
  return SegmentCounts(segments_of(reference), reference.empty_counts());
}

void add_segments(SegmentCounts& to, const SegmentCounts& from) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    for (std::size_t j = 0; j < to[i].size(); ++j) to[i][j].add(from[i][j]);
  }
}

void clear_segments(SegmentCounts& counts) {
  for (CountsTable& table : counts) clear_counts(table);
}

Status check_segmentations(const std::vector<Segmentation>& segmentations,
                           const std::vector<StreamReference>& streams) {
  std::size_t segments = 0;
  std::size_t next = 0;
  for (const Segmentation& by : segmentations) {
    if (by.stream < next || by.stream >= streams.size()) {
      return Status::invalid_argument("segments are of streams, each once");
    }
    next = by.stream + std::size_t{1};
    const StreamReference& stream = streams[by.stream];
    const bool numeric = stream.counts.kind == StreamKind::numeric;
    if (numeric ? by.categories > 0 || by.edges.empty()
                : by.categories == 0 || by.categories > stream.counts.bins || !by.edges.empty()) {
      return refuse(stream, "numbers are told apart by edges, categories by how many");
    }
    const auto falls = [](float a, float b) { return !(a < b); };
    if (!std::ranges::all_of(by.edges, [](float edge) { return std::isfinite(edge); }) ||
        std::ranges::adjacent_find(by.edges, falls) != by.edges.end()) {
      return refuse(stream, "edges are finite numbers that ascend");
    }
    segments += by.size();
  }
  if (segments > kSegmentsMax || segments * streams.size() > kSegmentStreamsMax) {
    return Status::invalid_argument("a reference has at most " + std::to_string(kSegmentsMax) +
                                    " segments, and " + std::to_string(kSegmentStreamsMax) +
                                    " streams of segments");
  }
  return {};
}

Result<std::vector<Segmentation>> plan_segments(const std::vector<StreamReference>& streams,
                                                const std::vector<SegmentWish>& wishes) {
  std::vector<Segmentation> planned;
  for (const SegmentWish& wish : wishes) {
    if (wish.stream >= streams.size()) {
      return Status::invalid_argument("segments are of a stream of the reference");
    }
    const StreamReference& stream = streams[wish.stream];
    Segmentation by;
    by.stream = static_cast<std::uint32_t>(wish.stream);
    if (stream.counts.kind == StreamKind::categorical) {
      if (!wish.edges.empty()) return refuse(stream, "categories have no edges");
      const std::uint32_t most = wish.categories > 0 ? wish.categories : kCategoriesApart;
      by.categories = std::min(most, stream.counts.bins);
      if (by.categories == 0) return refuse(stream, "it has no categories");
    } else {
      by.edges = wish.edges;
      if (by.edges.empty()) return refuse(stream, "numbers need edges");
    }
    by.counts.resize(by.size());
    for (CountsTable& table : by.counts) {
      for (const StreamReference& each : streams) {
        table.emplace_back(each.counts.kind, each.counts.bins);
      }
    }
    planned.push_back(std::move(by));
  }
  std::ranges::sort(planned, {}, &Segmentation::stream);
  if (Status s = check_segmentations(planned, streams); !s.ok()) return s;
  return planned;
}

SegmentCounter::SegmentCounter(ReferencePtr reference) : reference_(std::move(reference)) {
  const std::size_t all = segments_of(*reference_);
  for (std::size_t i = 0; i < all; ++i) {
    counters_.push_back(std::make_unique<RowCounter>(reference_, fold_kernel(), kSegmentTileRows));
  }
}

void SegmentCounter::add(const float* rows, std::size_t count, std::size_t stride) {
  std::size_t first = 0;
  for (const Segmentation& by : reference_->segmentations) {
    for (std::size_t row = 0; row < count; ++row) {
      const float* const from = rows + row * stride;
      RowCounter& counter = *counters_[first + segment_of(by, from[by.stream])];
      std::memcpy(counter.next_row(), from, reference_->streams.size() * sizeof(float));
      counter.stage(1);
      if (counter.free_rows() == 0) counter.fold();
    }
    first += by.size();
  }
}

void SegmentCounter::take(SegmentCounts& to) {
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    counters_[i]->fold();
    counters_[i]->take(to[i]);
  }
}

}  // namespace mlops
