#include "observe/profile_bytes.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "observe/profile_cursor.h"
#include "observe/segments.h"
#include "observe/stable_hash.h"

namespace mlops {
namespace {

constexpr std::string_view kMagic = "MLOPSPRF";

void write_counts(ProfileWriter& out, const StreamCounts& counts) {
  for (const std::uint64_t mass : counts.masses) out.varint(mass);
  if (counts.kind != StreamKind::numeric) return;
  const Moments& moments = counts.moments;
  out.varint(moments.n);
  out.real(moments.sum);
  out.real(moments.sum2);
  out.real(moments.min);
  out.real(moments.max);
}

void write_numeric(ProfileWriter& out, const NumericBins& bins) {
  for (const float value : {bins.min, bins.max, bins.median}) out.real(value);
  for (const float edge : bins.edges) out.real(edge);
  for (const float quantile : bins.quantiles) out.real(quantile);
}

void write_categories(ProfileWriter& out, const Categories& categories) {
  out.fixed(std::uint8_t{categories.of_strings});
  for (const double number : categories.numbers) out.real(number);
  for (const std::string& text : categories.strings) out.text(text);
  out.fixed(std::uint8_t{categories.all_rare_known});
  out.varint(categories.rare.size());
  for (const std::uint64_t hash : categories.rare) out.fixed(hash);
}

// What they are first, so that a reader knows how many counts there are before it takes
// memory.
void write_segmentations(ProfileWriter& out, const std::vector<Segmentation>& segmentations) {
  out.varint(segmentations.size());
  for (const Segmentation& by : segmentations) {
    out.varint(by.stream);
    out.varint(by.categories);
    out.varint(by.edges.size());
    for (const float edge : by.edges) out.real(edge);
  }
  for (const Segmentation& by : segmentations) {
    for (const CountsTable& table : by.counts) {
      for (const StreamCounts& counts : table) write_counts(out, counts);
    }
  }
}

bool read_flag(ProfileReader& in) {
  const auto flag = in.fixed<std::uint8_t>();
  if (flag > 1) in.fail();
  return flag == 1;
}

float read_finite(ProfileReader& in) {
  const float value = in.real32();
  if (!std::isfinite(value)) in.fail();
  return value;
}

Moments read_moments(ProfileReader& in) {
  Moments moments;
  moments.n = in.varint(kMassMax);
  moments.sum = in.real64();
  moments.sum2 = in.real64();
  moments.min = in.real32();
  moments.max = in.real32();
  const bool none = moments == Moments{};
  const bool some =
      moments.min <= moments.max && std::isfinite(moments.min) && std::isfinite(moments.max);
  // After subtracting there may be bounds of nothing.
  if (!(none || some) || (moments.n > 0 && none)) in.fail();
  if (!std::isfinite(moments.sum) || !(moments.sum2 >= 0) || std::isinf(moments.sum2)) in.fail();
  return moments;
}

StreamCounts read_counts(ProfileReader& in, StreamKind kind, std::uint32_t bins) {
  StreamCounts counts(kind, bins);
  std::uint64_t rows = 0;
  for (std::uint64_t& mass : counts.masses) rows += mass = in.varint(kMassMax);
  const std::uint64_t finite = rows - counts.own(OwnMass::missing) -
                               counts.own(OwnMass::negative_infinity) -
                               counts.own(OwnMass::positive_infinity);
  const bool numeric = kind == StreamKind::numeric;
  if (numeric) counts.moments = read_moments(in);
  // Every mass is of one kind or the other.
  const auto none = [&](OwnMass mass) { return counts.own(mass) == 0; };
  const bool fits = numeric
                        ? none(OwnMass::other_category) && none(OwnMass::new_category) &&
                              finite == counts.moments.n
                        : none(OwnMass::negative_infinity) && none(OwnMass::positive_infinity) &&
                              none(OwnMass::below_range) && none(OwnMass::above_range);
  if (!fits || rows > kMassMax) in.fail();
  return counts;
}

void read_numeric(ProfileReader& in, std::uint32_t bins, NumericBins& numeric) {
  numeric.min = read_finite(in);
  numeric.max = read_finite(in);
  numeric.median = read_finite(in);
  if (!(numeric.min <= numeric.median && numeric.median <= numeric.max)) in.fail();
  float last = numeric.min;
  for (std::uint32_t i = 0; i + 1 < bins && in.ok(); ++i) {
    const float edge = read_finite(in);
    if (!(edge > last && edge <= numeric.max)) in.fail();
    numeric.edges.push_back(last = edge);
  }
  last = numeric.min;
  for (std::uint32_t i = 0; i < kQuantiles && in.ok(); ++i) {
    const float quantile = read_finite(in);
    if (!(quantile >= last && quantile <= numeric.max)) in.fail();
    numeric.quantiles.push_back(last = quantile);
  }
}

void read_categories(ProfileReader& in, std::uint32_t bins, Categories& categories) {
  categories.of_strings = read_flag(in);
  std::set<double> numbers;
  std::set<std::string_view> strings;
  for (std::uint32_t i = 0; i < bins && in.ok(); ++i) {
    if (categories.of_strings) {
      const std::string_view text = in.text(kTextMax);
      if (!strings.insert(text).second) in.fail();
      categories.strings.emplace_back(text);
    } else {
      const double number = in.real64();
      if (std::isnan(number) || !numbers.insert(number).second) in.fail();
      categories.numbers.push_back(number);
    }
  }
  categories.all_rare_known = read_flag(in);
  const std::uint64_t rare = in.varint(kRareMax);
  for (std::uint64_t i = 0; i < rare && in.ok(); ++i) {
    const auto hash = in.fixed<std::uint64_t>();
    if (i > 0 && hash <= categories.rare.back()) in.fail();
    categories.rare.push_back(hash);
  }
}

StreamReference read_stream(ProfileReader& in) {
  StreamReference stream;
  const auto role = in.fixed<std::uint8_t>();
  const auto kind = in.fixed<std::uint8_t>();
  if (role > 1 || kind > 1) in.fail();
  stream.name.role = static_cast<StreamRole>(role & 1);
  stream.name.column = static_cast<std::uint32_t>(in.varint(UINT32_MAX));
  stream.name.tensor = in.text(kTextMax);
  stream.name.label = in.text(kTextMax);
  const auto bins = static_cast<std::uint32_t>(in.varint(kBinsMax));
  const bool numeric = kind == static_cast<std::uint8_t>(StreamKind::numeric);
  if (numeric && bins == 0) in.fail();
  if (numeric) {
    read_numeric(in, bins, stream.numeric);
  } else {
    read_categories(in, bins, stream.categories);
  }
  stream.counts = read_counts(in, numeric ? StreamKind::numeric : StreamKind::categorical, bins);
  return stream;
}

bool adds_up(const Segmentation& by, const std::vector<StreamReference>& streams) {
  for (std::size_t i = 0; i < streams.size(); ++i) {
    std::vector<std::uint64_t> sum(streams[i].counts.masses.size());
    for (const CountsTable& table : by.counts) {
      for (std::size_t cell = 0; cell < sum.size(); ++cell) sum[cell] += table[i].masses[cell];
    }
    if (sum != streams[i].counts.masses) return false;
  }
  return true;
}

std::vector<Segmentation> read_segmentations(ProfileReader& in,
                                             const std::vector<StreamReference>& streams) {
  std::vector<Segmentation> all(in.varint(kSegmentsMax));
  if (all.empty()) in.fail();  // version 1 says that
  for (Segmentation& by : all) {
    by.stream = static_cast<std::uint32_t>(in.varint(streams.size() - 1));
    by.categories = static_cast<std::uint32_t>(in.varint(kSegmentsMax));
    const std::uint64_t edges = in.varint(kSegmentsMax);
    for (std::uint64_t i = 0; i < edges && in.ok(); ++i) by.edges.push_back(in.real32());
  }
  if (!in.ok() || !check_segmentations(all, streams).ok()) {
    in.fail();
    return {};
  }
  for (Segmentation& by : all) {
    by.counts.resize(by.size());
    for (CountsTable& table : by.counts) {
      for (const StreamReference& stream : streams) {
        if (!in.ok()) return {};
        table.push_back(read_counts(in, stream.counts.kind, stream.counts.bins));
      }
    }
    if (!adds_up(by, streams)) in.fail();
  }
  return all;
}

bool has_twice(const std::vector<StreamReference>& streams) {
  std::set<std::tuple<StreamRole, std::string_view, std::uint32_t>> columns;
  return std::ranges::any_of(streams, [&](const StreamReference& stream) {
    const StreamName& name = stream.name;
    return !columns.emplace(name.role, name.tensor, name.column).second;
  });
}

Status wrong(const char* what) {
  return Status::invalid_argument(std::string("the profile ") + what);
}

}  // namespace

std::string reference_bytes(const Reference& reference) {
  ProfileWriter out;
  out.raw(kMagic);
  out.fixed(reference.segmentations.empty() ? std::uint32_t{1} : kProfileVersion);
  out.fixed(static_cast<std::uint32_t>(reference.streams.size()));
  for (const StreamReference& stream : reference.streams) {
    out.fixed(static_cast<std::uint8_t>(stream.name.role));
    out.fixed(static_cast<std::uint8_t>(stream.counts.kind));
    out.varint(stream.name.column);
    out.text(stream.name.tensor);
    out.text(stream.name.label);
    out.varint(stream.counts.bins);
    if (stream.counts.kind == StreamKind::numeric) {
      write_numeric(out, stream.numeric);
    } else {
      write_categories(out, stream.categories);
    }
    write_counts(out, stream.counts);
  }
  if (!reference.segmentations.empty()) write_segmentations(out, reference.segmentations);
  return out.bytes();
}

std::string profile_bytes(const Profile& profile) {
  ProfileWriter out;
  out.raw(reference_bytes(*profile.reference));
  out.fixed(std::uint8_t{!profile.counts.empty()});
  for (const StreamCounts& counts : profile.counts) write_counts(out, counts);
  out.fixed(stable_hash(out.bytes()));
  return out.bytes();
}

Result<Profile> read_profile(std::string_view bytes) {
  ProfileReader in(bytes);
  if (in.raw(kMagic.size()) != kMagic) return wrong("does not begin as one");
  const auto version = in.fixed<std::uint32_t>();
  if (version == 0 || version > kProfileVersion) {
    return Status::unimplemented("the profile is of version " + std::to_string(version) +
                                 ", which this build does not read");
  }
  constexpr std::size_t kHashSize = sizeof(std::uint64_t);
  const std::size_t body = bytes.size() - std::min(bytes.size(), kHashSize);
  ProfileReader end(bytes.substr(body));
  if (end.fixed<std::uint64_t>() != stable_hash(bytes.substr(0, body))) {
    return wrong("is damaged or cut short");
  }
  const auto streams = in.fixed<std::uint32_t>();
  if (streams == 0 || streams > kStreamsMax) return wrong("has no streams, or too many");
  auto reference = std::make_shared<Reference>();
  for (std::uint32_t i = 0; i < streams && in.ok(); ++i) {
    reference->streams.push_back(read_stream(in));
  }
  if (!in.ok()) return wrong("has a stream that cannot be right");
  if (has_twice(reference->streams)) return wrong("has a stream twice");
  if (version >= 2) reference->segmentations = read_segmentations(in, reference->streams);
  if (!in.ok()) return wrong("has segments that cannot be right");
  reference->id = stable_digest(bytes.substr(0, bytes.size() - in.left()));
  Profile profile{reference, {}};
  if (read_flag(in)) {
    for (const StreamReference& stream : reference->streams) {
      profile.counts.push_back(read_counts(in, stream.counts.kind, stream.counts.bins));
    }
  }
  if (!in.ok() || in.left() != kHashSize) return wrong("has counts that cannot be right");
  return profile;
}

}  // namespace mlops
