#pragma once
// Element types: exactly the ONNX tensor types that KServe v2 names, plus BF16 (Triton's
// extension).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mlops {

enum class DType : std::uint8_t {
  boolean,
  u8,
  u16,
  u32,
  u64,
  i8,
  i16,
  i32,
  i64,
  f16,
  f32,
  f64,
  bf16,
  bytes,  // variable length; see byte_strings.h for the layout
};

inline constexpr std::size_t kDTypeCount = 14;

// Bytes per element; 0 for DType::bytes.
constexpr std::size_t size_of(DType dtype) {
  constexpr std::size_t kSizes[kDTypeCount] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 2, 0};
  return kSizes[static_cast<std::size_t>(dtype)];
}

std::string_view kserve_name(DType dtype);                      // "FP32"
std::optional<DType> dtype_from_kserve(std::string_view name);  // case-sensitive

}  // namespace mlops
