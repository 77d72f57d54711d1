#pragma once
// One layer for up to kByteRowsMax rows. Implementations: plain_kernel.cc, for any processor and as
// what the other is compared with; tile_kernel.cc, in AMX.

#include <cstddef>
#include <cstdint>

#include "gemm/packed_layer.h"

namespace mlops {

// `in` has kByteRowsMax rows of in_width bytes, of which the first `rows` count; `out` as many of
// out_width. Both are aligned to 64 bytes.
using LayerKernel = void (*)(const PackedLayer& layer, const std::uint8_t* in, std::size_t rows,
                             std::uint8_t* out);

void run_layer_plain(const PackedLayer& layer, const std::uint8_t* in, std::size_t rows,
                     std::uint8_t* out);

// Whether this processor has tiles of bytes and this process may use them, which it asks for: the
// kernel saves them with a thread's registers from then on. Asked once. Any thread.
bool may_use_tiles();
// Only where it may.
void run_layer_in_tiles(const PackedLayer& layer, const std::uint8_t* in, std::size_t rows,
                        std::uint8_t* out);

}  // namespace mlops
