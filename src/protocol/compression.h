#pragma once
// gzip and deflate, as HTTP bodies and gRPC messages use them. "deflate" is the zlib format, as
// HTTP defines it. Bounded in memory whatever the bytes claim to become. Thread-safety: pure
// functions.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "tensor/slab_pool.h"

namespace mlops {

enum class Coding : std::uint8_t { identity, gzip, deflate };

std::string_view coding_name(Coding coding);
// Ignoring case; "x-gzip" is an old name of gzip.
std::optional<Coding> coding_named(std::string_view name);

// What an Accept-Encoding header prefers of what we have; identity when it
// prefers that, or nothing. Weights count; a list that is not understood means identity.
Coding preferred_coding(std::string_view accept);
// Whether a grpc-accept-encoding header names `coding`.
bool accepts_coding(std::string_view accept, Coding coding);

// What `bytes`, one whole stream (several gzip members are one), were before: the first `size`
// bytes of the buffer. Stops as soon as more than `bytes_max` come out.
Result<Buffer> decompress(Coding coding, std::span<const std::byte> bytes, std::size_t bytes_max,
                          SlabPool& pool, std::size_t& size);

// Nothing shorter is worth it.
inline constexpr std::size_t kCompressedBytesMin = 128;
// Replies above it are sent as they are: compressing holds up the event loop.
inline constexpr std::size_t kCompressedBytesMax = std::size_t{8} << 20;

// Compresses pieces as one stream. Empty when that would gain nothing.
std::string compress(Coding coding, std::span<const std::span<const std::byte>> pieces);

}  // namespace mlops
