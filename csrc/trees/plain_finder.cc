#include "trees/leaf_finder.h"
#include "trees/plain_leaf.h"

namespace mlops {
namespace {

class PlainFinder final : public LeafFinder {
 public:
  explicit PlainFinder(const Forest& forest) : forest_(forest) {}

  std::string name() const override { return "plain"; }
  void find(const RowTile& tile, const LeafRange& range, std::byte*) const override {
    for (std::uint32_t tree = range.first; tree < range.last; ++tree) {
      std::uint32_t* leaves = range.leaves + (tree - range.first) * range.pitch;
      for (std::size_t row = 0; row < tile.count; ++row) {
        leaves[row] = plain_leaf(forest_, tree, tile.rows + row * tile.stride);
      }
    }
  }

 private:
  const Forest& forest_;
};

}  // namespace

std::unique_ptr<LeafFinder> make_plain_finder(const Forest& forest) {
  return std::make_unique<PlainFinder>(forest);
}

}  // namespace mlops
