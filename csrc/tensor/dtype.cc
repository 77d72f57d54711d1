#include "tensor/dtype.h"

#include <array>

namespace mlops {
namespace {

constexpr std::array<std::string_view, kDTypeCount> kNames = {
    "BOOL",  "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16",
    "INT32", "INT64", "FP16",   "FP32",   "FP64",   "BF16", "BYTES"};

}  // namespace

std::string_view kserve_name(DType dtype) { return kNames[static_cast<std::size_t>(dtype)]; }

std::optional<DType> dtype_from_kserve(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

}  // namespace mlops
