#pragma once
// CRC-32C (Castagnoli) of bytes that come in pieces: finds damage in large files at the speed of
// memory where the processor has an instruction for it. No protection against who means harm.

#include <cstddef>
#include <cstdint>
#include <span>

namespace mlops {

class Crc32c {
 public:
  enum class Method : std::uint8_t { fastest, portable };

  explicit Crc32c(Method method = Method::fastest);

  void add(std::span<const std::byte> bytes) { state_ = update_(state_, bytes); }
  std::uint32_t value() const { return ~state_; }

 private:
  using Update = std::uint32_t (*)(std::uint32_t state, std::span<const std::byte> bytes);

  const Update update_;
  std::uint32_t state_ = 0xffffffffU;
};

}  // namespace mlops
