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

}  // namespace

Expectation Expectation::of(std::string bytes, std::size_t rows, double tolerance) {
  Expectation expectation;
  expectation.row_bytes_ = bytes.size() / rows;
  expectation.bytes_ = std::move(bytes);
  expectation.tolerance_ = tolerance;
  return expectation;
}

std::variant<Expectation, std::string> Expectation::load(const std::string& path, std::size_t rows,
                                                         double tolerance) {
  FileText file = read_file(path);
  if (!file.error.empty()) return file.error;
  if (file.text.empty() || file.text.size() % rows != 0) {
    return path + ": its size is not a multiple of the " + std::to_string(rows) + " rows sent";
  }
  if (tolerance > 0 && file.text.size() / rows % sizeof(float) != 0) {
    return path + ": --tolerance reads rows as FP32, and these are not";
  }
  return of(std::move(file.text), rows, tolerance);
}

bool Expectation::accepts(std::size_t row, std::span<const char> output) const {
  if (!present()) return true;
  const auto want = std::span<const char>(bytes_).subspan(row * row_bytes_, row_bytes_);
  if (output.size() != want.size()) return false;
  if (std::memcmp(output.data(), want.data(), want.size()) == 0) return true;
  if (tolerance_ <= 0) return false;
  for (std::size_t i = 0; i < want.size() / sizeof(float); ++i) {
    if (!near(float_at(output, i), float_at(want, i), tolerance_)) return false;
  }
  return true;
}

}  // namespace mlops::loadgen
