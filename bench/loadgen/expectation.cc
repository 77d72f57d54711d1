#include "loadgen/expectation.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "loadgen/payload.h"

namespace mlops::loadgen {
namespace {

float float_at(std::span<const char> bytes, std::size_t index) {
  float value = 0;
  std::memcpy(&value, bytes.data() + index * sizeof(float), sizeof(float));
  return value;
}

bool near(float got, float want, double tolerance) {
  if (std::isnan(want)) return std::isnan(got);
  if (got == want) return true;  // infinities
  return std::abs(double{got} - double{want}) <= tolerance * std::max(1.0, std::abs(double{want}));
}

bool segment_near(std::span<const char> got, std::span<const char> want, double tolerance) {
  for (std::size_t i = 0; i < want.size() / sizeof(float); ++i) {
    if (!near(float_at(got, i), float_at(want, i), tolerance)) return false;
  }
  return true;
}

}  // namespace

Expectation Expectation::of(std::string bytes, std::size_t rows, double tolerance,
                            std::vector<Segment> layout) {
  Expectation expectation;
  expectation.row_bytes_ = bytes.size() / rows;
  expectation.bytes_ = std::move(bytes);
  expectation.tolerance_ = tolerance;
  expectation.layout_ = std::move(layout);
  if (expectation.layout_.empty()) expectation.layout_ = {{expectation.row_bytes_, true}};
  return expectation;
}

std::variant<Expectation, std::string> Expectation::load(const std::string& path, std::size_t rows,
                                                         double tolerance,
                                                         std::vector<Segment> layout) {
  FileText file = read_file(path);
  if (!file.error.empty()) return file.error;
  if (file.text.empty() || file.text.size() % rows != 0) {
    return path + ": its size is not a multiple of the " + std::to_string(rows) + " rows sent";
  }
  Expectation loaded = of(std::move(file.text), rows, tolerance, std::move(layout));
  std::size_t described = 0;
  for (const Segment& segment : loaded.layout_) {
    described += segment.bytes;
    if (tolerance > 0 && segment.fp32 && segment.bytes % sizeof(float) != 0) {
      return path + ": an FP32 output has a multiple of four bytes; see --expect-layout";
    }
  }
  if (described != loaded.row_bytes_)
    return path + ": --expect-layout describes another size of row";
  return loaded;
}

bool Expectation::accepts(std::size_t row, std::span<const char> output) const {
  if (!present()) return true;
  const auto want = std::span<const char>(bytes_).subspan(row * row_bytes_, row_bytes_);
  if (output.size() != want.size()) return false;
  if (std::memcmp(output.data(), want.data(), want.size()) == 0) return true;
  if (tolerance_ <= 0) return false;
  std::size_t at = 0;
  for (const Segment& segment : layout_) {
    const auto got_part = output.subspan(at, segment.bytes);
    const auto want_part = want.subspan(at, segment.bytes);
    at += segment.bytes;
    const bool same = std::memcmp(got_part.data(), want_part.data(), segment.bytes) == 0;
    if (!same && !(segment.fp32 && segment_near(got_part, want_part, tolerance_))) return false;
  }
  return true;
}

}  // namespace mlops::loadgen
