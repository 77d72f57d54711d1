// Compressed bodies: whatever the bytes are, what comes out is bounded, and packing it again gives
// the same back.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "protocol/compression.h"

namespace {

constexpr std::size_t kMost = 200'000;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mlops;
  if (size == 0) return 0;
  static SlabPool pool(std::size_t{64} << 20);
  const Coding coding = data[0] % 2 == 0 ? Coding::gzip : Coding::deflate;
  std::size_t length = 0;
  const auto out =
      decompress(coding, std::as_bytes(std::span(data + 1, size - 1)), kMost, pool, length);
  if (!out.ok()) return 0;
  if (length > kMost) std::abort();
  const std::span<const std::byte> piece((*out)->data(), length);
  const std::string again = compress(coding, {&piece, 1});
  if (again.empty()) return 0;
  std::size_t same = 0;
  const auto back = decompress(coding, std::as_bytes(std::span(again)), kMost, pool, same);
  if (!back.ok() || same != length || std::memcmp((*back)->data(), piece.data(), length) != 0) {
    std::abort();
  }
  return 0;
}
