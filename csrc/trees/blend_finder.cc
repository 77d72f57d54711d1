// Every row of a tile against every node of a tree, without a branch: a lane of a vector is a row,
// and from the leaves up each node takes, lane by lane, what its left or its right child found. A
// node costs three vector operations for 64 rows, so small trees are worth it.
//
// Compiled three times from one source: vectors of 64 bytes are split where registers are smaller.

#include <algorithm>
#include <array>
#include <cstring>

#include "trees/column_bins.h"
#include "trees/leaf_finder.h"
#include "trees/split.h"

namespace mlops {
namespace {

static_assert(kTileRows == 64);
using Lanes = std::uint8_t __attribute__((vector_size(64)));

constexpr std::size_t kBlendColumnsMax = 512;
constexpr std::size_t kTreeLeavesMax = 256;  // of one tree
constexpr std::size_t kSlots = 16;           // more than the 9 that 256 leaves can need
constexpr std::size_t kStepsMax = 1U << 22;

// Operands are places in the scratch memory: a vector for each leaf number, then the slots.
struct Step {
  std::uint16_t column = 0;
  std::uint8_t border = 0;
  std::uint8_t slot = 0;
  std::uint16_t left = 0;
  std::uint16_t right = 0;
};

struct Program {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint32_t base = 0;  // the number of the tree's first leaf; results count from it
};

[[gnu::always_inline]] inline void run_steps(const Step* step, const Step* end,
                                             const Lanes* columns, Lanes* operands) {
  Lanes* slots = operands + kTreeLeavesMax;
  for (; step != end; ++step) {
    const Lanes border = Lanes{} + step->border;
    const auto goes_right = columns[step->column] > border;
    slots[step->slot] = goes_right ? operands[step->right] : operands[step->left];
  }
}

using RunSteps = void (*)(const Step*, const Step*, const Lanes*, Lanes*);

void run_baseline(const Step* step, const Step* end, const Lanes* columns, Lanes* operands) {
  run_steps(step, end, columns, operands);
}
#if defined(__x86_64__)
[[gnu::target("avx2")]] void run_avx2(const Step* step, const Step* end, const Lanes* columns,
                                      Lanes* operands) {
  run_steps(step, end, columns, operands);
}
[[gnu::target("avx512bw,avx512vl")]] void run_avx512(const Step* step, const Step* end,
                                                     const Lanes* columns, Lanes* operands) {
  run_steps(step, end, columns, operands);
}
#endif

RunSteps steps_for(InstructionSet set) {
#if defined(__x86_64__)
  if (set == InstructionSet::avx512) return run_avx512;
  if (set == InstructionSet::avx2) return run_avx2;
#endif
  static_cast<void>(set);
  return run_baseline;
}

// The steps of one tree, children before parents, in as few slots as can be: the child that needs
// more of them goes first.
class Compiler {
 public:
  Compiler(const Forest& forest, const ColumnBins& bins, std::vector<Step>& steps)
      : forest_(forest), bins_(bins), steps_(steps), needs_(forest.nodes.size()) {}

  // False where the tree is too large.
  bool compile(std::uint32_t root, Program& program) {
    order_.assign(1, root);
    std::uint32_t lowest = UINT32_MAX;
    std::uint32_t highest = 0;
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const ForestNode& node = forest_.nodes[order_[i]];
      if (node.mode == NodeMode::leaf) {
        lowest = std::min(lowest, node.on_true);
        highest = std::max(highest, node.on_true);
      } else {
        const Split split = *split_of(node);
        order_.push_back(split.left);
        order_.push_back(split.right);
      }
    }
    if (highest - lowest >= kTreeLeavesMax || order_.size() >= 2 * kTreeLeavesMax) return false;
    for (std::size_t i = order_.size(); i-- > 0;) count_needs(order_[i]);
    program.first = static_cast<std::uint32_t>(steps_.size());
    program.base = lowest;
    emit(root, 0, lowest);
    program.count = static_cast<std::uint32_t>(steps_.size()) - program.first;
    return steps_.size() < kStepsMax;
  }

 private:
  void count_needs(std::uint32_t at) {
    const ForestNode& node = forest_.nodes[at];
    needs_[at] = 0;
    if (node.mode == NodeMode::leaf) return;
    const std::uint8_t a = needs_[node.on_true];
    const std::uint8_t b = needs_[node.on_false];
    needs_[at] = std::max<std::uint8_t>(1, a == b && a > 0 ? a + 1 : std::max(a, b));
  }

  // Calls itself as deep as the tree is, which is less than kTreeLeavesMax.
  std::uint16_t emit(std::uint32_t at, std::uint8_t slot, std::uint32_t base) {
    const ForestNode& node = forest_.nodes[at];
    if (node.mode == NodeMode::leaf) return static_cast<std::uint16_t>(node.on_true - base);
    const Split split = *split_of(node);
    Step step;
    const auto second = static_cast<std::uint8_t>(slot + 1);
    if (needs_[split.left] >= needs_[split.right]) {
      step.left = emit(split.left, slot, base);
      step.right = emit(split.right, needs_[split.left] > 0 ? second : slot, base);
    } else {
      step.right = emit(split.right, slot, base);
      step.left = emit(split.left, second, base);
    }
    const BinnedSplit binned = bins_.place(node.feature, split);
    step.column = binned.column;
    step.border = binned.border;
    step.slot = slot;
    steps_.push_back(step);
    return static_cast<std::uint16_t>(kTreeLeavesMax + slot);
  }

  const Forest& forest_;
  const ColumnBins& bins_;
  std::vector<Step>& steps_;
  std::vector<std::uint8_t> needs_;  // slots, per node
  std::vector<std::uint32_t> order_;
};

class BlendFinder final : public LeafFinder {
 public:
  BlendFinder(ColumnBins bins, InstructionSet set)
      : bins_(std::move(bins)), set_(set), run_(steps_for(set)) {}

  bool add_trees(const Forest& forest) {
    Compiler compiler(forest, bins_, steps_);
    for (const std::uint32_t root : forest.roots) {
      if (!compiler.compile(root, programs_.emplace_back())) return false;
    }
    return true;
  }

  std::string name() const override { return "blend " + std::string(name_of(set_)); }
  std::size_t scratch_bytes() const override {
    return sizeof(Lanes) * (kTreeLeavesMax + kSlots + bins_.columns());
  }

  void prepare(const RowTile& tile, std::byte* scratch) const override {
    auto* operands = reinterpret_cast<Lanes*>(scratch);
    for (std::size_t i = 0; i < kTreeLeavesMax; ++i) {
      operands[i] = Lanes{} + static_cast<std::uint8_t>(i);
    }
    // Lanes beyond the tile's rows hold what they held; nobody reads what comes of it.
    bins_.fill(tile, reinterpret_cast<std::uint8_t*>(operands + kTreeLeavesMax + kSlots), kTileRows,
               1);
  }

  void find(const RowTile& tile, const LeafRange& range, std::byte* scratch) const override {
    auto* operands = reinterpret_cast<Lanes*>(scratch);
    const Lanes* columns = operands + kTreeLeavesMax + kSlots;
    for (std::uint32_t tree = range.first; tree < range.last; ++tree) {
      const Program& program = programs_[tree];
      const Step* step = steps_.data() + program.first;
      run_(step, step + program.count, columns, operands);
      // A tree of one leaf has no steps; its leaf is number 0.
      const Lanes* result = program.count > 0 ? operands + kTreeLeavesMax : operands;
      std::array<std::uint8_t, kTileRows> found;
      std::memcpy(found.data(), result, sizeof found);
      std::uint32_t* leaves = range.leaves + (tree - range.first) * range.pitch;
      for (std::size_t row = 0; row < tile.count; ++row) leaves[row] = program.base + found[row];
    }
  }

 private:
  const ColumnBins bins_;
  const InstructionSet set_;
  const RunSteps run_;
  std::vector<Step> steps_;
  std::vector<Program> programs_;  // per tree
};

}  // namespace

std::unique_ptr<LeafFinder> make_blend_finder(const Forest& forest, InstructionSet set) {
  if (!is_split_forest(forest)) return nullptr;
  std::optional<ColumnBins> bins = ColumnBins::of(forest, kBlendColumnsMax, set);
  if (!bins) return nullptr;
  auto finder = std::make_unique<BlendFinder>(*std::move(bins), set);
  if (!finder->add_trees(forest)) return nullptr;
  return finder;
}

}  // namespace mlops
