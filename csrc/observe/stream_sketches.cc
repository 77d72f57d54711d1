#include "observe/stream_sketches.h"

#include <charconv>
#include <cmath>

#include "observe/profile_bytes.h"
#include "observe/profile_cursor.h"
#include "observe/stable_hash.h"

namespace mlops {
namespace {

constexpr std::string_view kMagic = "MLOPSSKT";
constexpr std::size_t kIdSize = 32;
constexpr std::size_t kHashSize = 8;

// Whether the bins have no name for it, and nobody knows the value from the reference.
bool is_unknown(const Categories& known, float code) {
  return code == kNewCode || (code == kOtherCode && !known.all_rare_known);
}

void write_stream(ProfileWriter& to, const StreamSketch& stream) {
  to.fixed(static_cast<std::uint8_t>(stream.kind));
  to.varint(stream.rows);
  stream.distinct.write(to);
  if (stream.kind == StreamKind::numeric) {
    stream.quantiles.write(to);
  } else {
    stream.new_categories.write(to);
  }
}

StreamSketch read_stream(ProfileReader& from) {
  StreamSketch stream;
  const auto kind = from.fixed<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(StreamKind::categorical)) from.fail();
  if (!from.ok()) return stream;
  stream.kind = static_cast<StreamKind>(kind);
  stream.rows = from.varint(kMassMax);
  stream.distinct = DistinctSketch::read(from);
  if (stream.kind == StreamKind::numeric) {
    stream.quantiles = QuantileSketch::read(from);
    if (stream.quantiles.rows() != stream.rows) from.fail();
  } else {
    stream.new_categories = FrequentValues::read(from);
    if (stream.new_categories.rows() > stream.rows) from.fail();
  }
  return stream;
}

}  // namespace

void StreamSketch::add(float value) {
  if (std::isnan(value)) return;
  ++rows;
  distinct.add(static_cast<double>(value));
  quantiles.add(value);
}

void StreamSketch::add(double category, const Categories& known, float code) {
  if (std::isnan(category)) return;
  ++rows;
  distinct.add(category);
  if (!is_unknown(known, code)) return;
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), category + 0.0);
  new_categories.add({text, static_cast<std::size_t>(end - text)});
}

void StreamSketch::add(std::string_view category, const Categories& known, float code) {
  ++rows;
  distinct.add(category);
  if (is_unknown(known, code)) new_categories.add(category);
}

StreamSketches::StreamSketches(const Reference& reference) : reference_id(reference.id) {
  streams.resize(reference.streams.size());
  for (std::size_t i = 0; i < streams.size(); ++i) {
    streams[i].kind = reference.streams[i].counts.kind;
  }
}

Status StreamSketches::merge(const StreamSketches& other) {
  bool alike = reference_id == other.reference_id && streams.size() == other.streams.size();
  for (std::size_t i = 0; alike && i < streams.size(); ++i) {
    alike = streams[i].kind == other.streams[i].kind;
  }
  if (!alike) return Status::invalid_argument("the sketches are of different references");
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const StreamSketch& from = other.streams[i];
    streams[i].rows += from.rows;
    streams[i].distinct.merge(from.distinct);
    streams[i].quantiles.merge(from.quantiles);
    streams[i].new_categories.merge(from.new_categories);
  }
  return {};
}

std::string sketch_bytes(const StreamSketches& sketches) {
  ProfileWriter to;
  to.raw(kMagic);
  to.fixed(kSketchVersion);
  to.text(sketches.reference_id);
  to.varint(sketches.streams.size());
  for (const StreamSketch& stream : sketches.streams) write_stream(to, stream);
  to.fixed(stable_hash(to.bytes()));
  return to.bytes();
}

Result<StreamSketches> read_sketches(std::string_view bytes) {
  const auto damaged = [] {
    return Status::invalid_argument("not a file of sketches, or damaged");
  };
  ProfileReader head(bytes);
  if (head.raw(kMagic.size()) != kMagic) return damaged();
  const auto version = head.fixed<std::uint32_t>();
  if (!head.ok() || version == 0) return damaged();
  if (version > kSketchVersion) {
    return Status::unimplemented("sketches of version " + std::to_string(version) +
                                 "; this one reads up to " + std::to_string(kSketchVersion));
  }
  if (head.left() < kHashSize) return damaged();
  const std::string_view body = bytes.substr(0, bytes.size() - kHashSize);
  ProfileReader tail(bytes.substr(body.size()));
  if (tail.fixed<std::uint64_t>() != stable_hash(body)) return damaged();
  ProfileReader from(body.substr(body.size() - (head.left() - kHashSize)));
  StreamSketches made;
  made.reference_id = from.text(kIdSize);
  for (std::uint64_t streams = from.varint(kStreamsMax); streams > 0 && from.ok(); --streams) {
    made.streams.push_back(read_stream(from));
  }
  if (!from.ok() || from.left() != 0) return damaged();
  return made;
}

}  // namespace mlops
