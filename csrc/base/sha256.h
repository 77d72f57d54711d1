#pragma once
// SHA-256 (FIPS 180-4) of bytes that come in pieces, for naming files by what is in them. With the
// processor's own instructions where it has them. Not for secrets: nothing is wiped.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mlops {

class Sha256 {
 public:
  using Digest = std::array<std::uint8_t, 32>;
  enum class Method : std::uint8_t { fastest, portable };

  explicit Sha256(Method method = Method::fastest);

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  // Once, at the end.
  Digest finish();

 private:
  static constexpr std::size_t kBlock = 64;
  using State = std::array<std::uint32_t, 8>;
  using Compress = void (*)(State& state, const std::byte* blocks, std::size_t count);

  static Compress choose(Method method);
  static void compress_portable(State& state, const std::byte* blocks, std::size_t count);
  static void compress_native(State& state, const std::byte* blocks, std::size_t count);

  const Compress compress_;
  State state_;
  std::array<std::byte, kBlock> rest_;  // what is short of a block
  std::size_t rest_size_ = 0;
  std::uint64_t total_ = 0;
};

// In lower-case hexadecimal digits.
std::string to_hex(const Sha256::Digest& digest);

}  // namespace mlops
