#pragma once
// Features as bytes: every threshold that a forest compares a feature with is a border, and a value
// is the number of borders below it. x <= border[k] then is byte <= k, for every float there is.
// A feature has a column for nodes that send NaN left and one for those that send it right, and
// more when it has more than 255 borders.

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/instruction_set.h"
#include "trees/leaf_finder.h"
#include "trees/split.h"

namespace mlops {

struct BinnedSplit {
  std::uint16_t column = 0;
  std::uint8_t border = 0;  // left when the byte is at most this
};

// A column's borders, sorted, in blocks of sixteen: the last of each block (where there are
// several), then the blocks.
struct BinColumn {
  std::uint32_t feature = 0;
  std::uint32_t first = 0;  // of its floats
  bool several_blocks = false;
  std::uint8_t nan_byte = 255;
};

class ColumnBins {
 public:
  // nullopt when there would be more than `columns_max`. For split forests.
  static std::optional<ColumnBins> of(const Forest& forest, std::size_t columns_max,
                                      InstructionSet set);

  std::size_t columns() const { return columns_.size(); }
  BinnedSplit place(std::uint32_t feature, const Split& split) const;
  // Byte of each row and column: bytes[column * column_step + row * row_step].
  void fill(const RowTile& tile, std::uint8_t* bytes, std::size_t column_step,
            std::size_t row_step) const;

 private:
  using Key = std::pair<std::uint32_t, bool>;  // a feature, and whether its NaN goes left

  void add_column(std::uint32_t feature, bool nan_goes_left, std::vector<float> sorted);

  InstructionSet set_ = InstructionSet::baseline;
  std::vector<BinColumn> columns_;
  std::vector<float> borders_;  // padded with infinity
  std::map<Key, std::vector<float>> borders_of_;
  std::map<Key, std::size_t> first_column_of_;
};

}  // namespace mlops
