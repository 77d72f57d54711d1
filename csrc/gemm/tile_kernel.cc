// Blocks of 32 rows and 32 outputs, or of 16 rows and 64 outputs where there are no more rows: four
// tiles of sums either way, for one product takes three times as long to be ready as until the next
// may start.

#include "gemm/layer_kernel.h"

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
// gcc 12 takes the undefined operands of its own header for a mistake (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#define MLOPS_TILE_WARNINGS
#endif
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#define MLOPS_TILE_TARGET [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,amx-tile,amx-int8")]]

namespace mlops {
namespace {

constexpr std::size_t kTileRows = 16;
constexpr std::size_t kLine = 64;  // bytes of a tile's row

// What LDTILECFG reads.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t unused[14] = {};
  std::uint16_t line_bytes[16] = {};
  std::uint8_t rows[16] = {};

  void set(std::size_t tile, std::size_t count) {
    line_bytes[tile] = kLine;
    rows[tile] = static_cast<std::uint8_t>(count);
  }
};
static_assert(sizeof(TileShapes) == 64);

// Sums of four tiles, as they are stored.
struct alignas(64) Sums {
  std::int32_t tile[4][kTileRows][kTileOutputs];
};

// Compilers do not know that a tile's load reads memory.
inline void all_is_written() { asm volatile("" ::: "memory"); }

// From sums to bytes, for the four vectors of 16 sums that one register of bytes holds.
struct Rounding {
  __m512 most;
  __m512i zero;   // in 16 bits
  __m512i order;  // packing goes by quarters of a register
};

MLOPS_TILE_TARGET inline Rounding rounding_to(std::int32_t zero) {
  return {_mm512_set1_ps(static_cast<float>(255 - zero)),
          _mm512_set1_epi16(static_cast<std::int16_t>(zero)),
          _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)};
}

// What is too small for 32 bits becomes their least number, and so does what is too large: only
// that is kept from it here. Bytes saturate at both ends.
MLOPS_TILE_TARGET inline __m512i steps_of(const std::int32_t* sums, __m512 factor,
                                          const Rounding& to) {
  const __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512(sums));
  return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_mul_ps(sum, factor), to.most));
}

MLOPS_TILE_TARGET inline __m512i bytes_of(__m512i a, __m512i b, __m512i c, __m512i d,
                                          const Rounding& to) {
  const __m512i ab = _mm512_adds_epi16(_mm512_packs_epi32(a, b), to.zero);
  const __m512i cd = _mm512_adds_epi16(_mm512_packs_epi32(c, d), to.zero);
  return _mm512_permutexvar_epi32(to.order, _mm512_packus_epi16(ab, cd));
}

// `rows` rows of two tiles that lie beside each other.
MLOPS_TILE_TARGET inline void round_two(const Sums& sums, std::size_t first, std::size_t rows,
                                        const float* factor, const Rounding& to, std::uint8_t* out,
                                        std::size_t width) {
  const __m512 left = _mm512_load_ps(factor);
  const __m512 right = _mm512_load_ps(factor + kTileOutputs);
  for (std::size_t m = 0; m < rows; m += 2) {
    const std::size_t next = m + 1 < rows ? m + 1 : m;
    const __m512i bytes = bytes_of(steps_of(sums.tile[first][m], left, to),
                                   steps_of(sums.tile[first + 1][m], right, to),
                                   steps_of(sums.tile[first][next], left, to),
                                   steps_of(sums.tile[first + 1][next], right, to), to);
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + m * width), _mm512_castsi512_si256(bytes));
    _mm256_store_si256(
        reinterpret_cast<__m256i*>(out + next * width),
        next > m ? _mm512_extracti64x4_epi64(bytes, 1) : _mm512_castsi512_si256(bytes));
  }
}

// `rows` rows of four tiles that lie beside each other.
MLOPS_TILE_TARGET inline void round_four(const Sums& sums, std::size_t rows, const float* factor,
                                         const Rounding& to, std::uint8_t* out, std::size_t width) {
  const __m512 f[] = {_mm512_load_ps(factor), _mm512_load_ps(factor + kTileOutputs),
                      _mm512_load_ps(factor + 2 * kTileOutputs),
                      _mm512_load_ps(factor + 3 * kTileOutputs)};
  for (std::size_t m = 0; m < rows; ++m) {
    _mm512_store_si512(
        out + m * width,
        bytes_of(steps_of(sums.tile[0][m], f[0], to), steps_of(sums.tile[1][m], f[1], to),
                 steps_of(sums.tile[2][m], f[2], to), steps_of(sums.tile[3][m], f[3], to), to));
  }
}

// Tiles 0 to 3: sums; 4 and 5: rows; 6 and 7: weights.
MLOPS_TILE_TARGET void sum_two_by_two(const PackedLayer& layer, const std::uint8_t* in,
                                      std::size_t column, Sums& sums) {
  const std::size_t steps = layer.in_width / kTileInputs;
  const std::int8_t* left = layer.tile(column, 0);
  const std::int8_t* right = layer.tile(column + 1, 0);
  const std::int32_t* start = layer.start.get() + column * kTileOutputs;
  const std::uint8_t* lower = in + kTileRows * layer.in_width;
  all_is_written();
  _tile_loadd(0, start, 0);  // every row the same
  _tile_loadd(1, start + kTileOutputs, 0);
  _tile_loadd(2, start, 0);
  _tile_loadd(3, start + kTileOutputs, 0);
  for (std::size_t k = 0; k < steps; ++k) {
    _tile_loadd(6, left + k * kTileBytes, kLine);
    _tile_loadd(4, in + k * kTileInputs, layer.in_width);
    _tile_dpbusd(0, 4, 6);
    _tile_loadd(7, right + k * kTileBytes, kLine);
    _tile_dpbusd(1, 4, 7);
    _tile_loadd(5, lower + k * kTileInputs, layer.in_width);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_stored(0, sums.tile[0], kLine);
  _tile_stored(1, sums.tile[1], kLine);
  _tile_stored(2, sums.tile[2], kLine);
  _tile_stored(3, sums.tile[3], kLine);
  all_is_written();
}

// Tiles 0 to 3: sums; 4: rows; 5 to 7: weights.
MLOPS_TILE_TARGET void sum_one_by_four(const PackedLayer& layer, const std::uint8_t* in,
                                       std::size_t column, Sums& sums) {
  const std::size_t steps = layer.in_width / kTileInputs;
  const std::size_t strip = steps * kTileBytes;
  const std::int8_t* weights = layer.tile(column, 0);
  const std::int32_t* start = layer.start.get() + column * kTileOutputs;
  all_is_written();
  _tile_loadd(0, start, 0);
  _tile_loadd(1, start + kTileOutputs, 0);
  _tile_loadd(2, start + 2 * kTileOutputs, 0);
  _tile_loadd(3, start + 3 * kTileOutputs, 0);
  for (std::size_t k = 0; k < steps; ++k, weights += kTileBytes) {
    _tile_loadd(4, in + k * kTileInputs, layer.in_width);
    _tile_loadd(5, weights, kLine);
    _tile_dpbusd(0, 4, 5);
    _tile_loadd(6, weights + strip, kLine);
    _tile_dpbusd(1, 4, 6);
    _tile_loadd(7, weights + 2 * strip, kLine);
    _tile_dpbusd(2, 4, 7);
    _tile_loadd(5, weights + 3 * strip, kLine);
    _tile_dpbusd(3, 4, 5);
  }
  _tile_stored(0, sums.tile[0], kLine);
  _tile_stored(1, sums.tile[1], kLine);
  _tile_stored(2, sums.tile[2], kLine);
  _tile_stored(3, sums.tile[3], kLine);
  all_is_written();
}

bool ask_for_tiles() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  constexpr unsigned kTiles = 1U << 24;
  constexpr unsigned kTilesOfBytes = 1U << 25;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  if ((d & kTiles) == 0 || (d & kTilesOfBytes) == 0) return false;
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq")) {
    return false;
  }
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool may_use_tiles() {
  static const bool may = ask_for_tiles();
  return may;
}

MLOPS_TILE_TARGET void run_layer_in_tiles(const PackedLayer& layer, const std::uint8_t* in,
                                          std::size_t rows, std::uint8_t* out) {
  const bool two = rows > kTileRows;
  const std::size_t upper = std::min(rows, kTileRows);
  const std::size_t lower = rows - upper;
  TileShapes shapes;
  for (const std::size_t tile : {0U, 1U}) shapes.set(tile, upper);
  for (const std::size_t tile : {2U, 3U}) shapes.set(tile, two ? lower : upper);
  shapes.set(4, upper);
  shapes.set(5, two ? lower : kTileRows);
  for (const std::size_t tile : {6U, 7U}) shapes.set(tile, kTileRows);
  all_is_written();
  _tile_loadconfig(&shapes);
  const Rounding to = rounding_to(layer.zero);
  Sums sums;
  const std::size_t width = layer.out_width;
  const std::size_t columns = width / kTileOutputs;
  for (std::size_t column = 0; column < columns; column += two ? 2 : 4) {
    const std::size_t at = column * kTileOutputs;
    const float* factor = layer.factor.get() + at;
    if (two) {
      sum_two_by_two(layer, in, column, sums);
      round_two(sums, 0, upper, factor, to, out + at, width);
      round_two(sums, 2, lower, factor, to, out + kTileRows * width + at, width);
    } else {
      sum_one_by_four(layer, in, column, sums);
      round_four(sums, upper, factor, to, out + at, width);
    }
  }
  _tile_release();
}

}  // namespace mlops

#if defined(MLOPS_TILE_WARNINGS)
#pragma GCC diagnostic pop
#endif
#else

namespace mlops {

bool may_use_tiles() { return false; }

void run_layer_in_tiles(const PackedLayer& layer, const std::uint8_t* in, std::size_t rows,
                        std::uint8_t* out) {
  run_layer_plain(layer, in, rows, out);
}

}  // namespace mlops
#endif
