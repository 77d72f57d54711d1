#include "loadgen/payload.h"

#include <array>
#include <fstream>
#include <sstream>
#include <utility>

namespace mlops::loadgen {
namespace {

constexpr std::size_t kRowBytesMax = std::size_t{64} << 20;

constexpr std::array<std::pair<std::string_view, std::size_t>, 13> kElementBytes = {{{"BOOL", 1},
                                                                                     {"UINT8", 1},
                                                                                     {"UINT16", 2},
                                                                                     {"UINT32", 4},
                                                                                     {"UINT64", 8},
                                                                                     {"INT8", 1},
                                                                                     {"INT16", 2},
                                                                                     {"INT32", 4},
                                                                                     {"INT64", 8},
                                                                                     {"FP16", 2},
                                                                                     {"BF16", 2},
                                                                                     {"FP32", 4},
                                                                                     {"FP64", 8}}};

}  // namespace

std::size_t element_bytes(std::string_view datatype) {
  for (const auto& [name, bytes] : kElementBytes) {
    if (name == datatype) return bytes;
  }
  return 0;
}

std::size_t row_bytes(const InputSpec& input) {
  std::size_t bytes = element_bytes(input.datatype);
  for (const std::int64_t extent : input.shape) {
    if (extent <= 0 || static_cast<std::size_t>(extent) > kRowBytesMax) return 0;
    bytes *= static_cast<std::size_t>(extent);
    if (bytes > kRowBytesMax) return 0;
  }
  return bytes;
}

FileText read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {"", "cannot open " + path};
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) return {"", "cannot read " + path};
  return {std::move(text).str(), ""};
}

std::variant<Payload, std::string> Payload::load(std::vector<InputSpec> inputs) {
  Payload payload;
  if (inputs.empty()) return "at least one --input is needed";
  for (const InputSpec& input : inputs) {
    const std::size_t bytes = row_bytes(input);
    if (bytes == 0) return "input " + input.name + ": datatype or shape is not usable";
    FileText file = read_file(input.path);
    if (!file.error.empty()) return file.error;
    if (file.text.empty() || file.text.size() % bytes != 0) {
      return input.path + ": its size is not a multiple of the row's " + std::to_string(bytes) +
             " bytes";
    }
    const std::size_t rows = file.text.size() / bytes;
    if (payload.rows_ != 0 && rows != payload.rows_)
      return input.path + ": other files have other row counts";
    payload.rows_ = rows;
    payload.bytes_.push_back(std::move(file.text));
  }
  payload.inputs_ = std::move(inputs);
  return payload;
}

std::span<const char> Payload::row(std::size_t input, std::size_t row) const {
  const std::size_t bytes = bytes_[input].size() / rows_;
  return std::span<const char>(bytes_[input]).subspan(row * bytes, bytes);
}

}  // namespace mlops::loadgen
