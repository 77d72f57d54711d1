#pragma once
// One lane's way to run a TreePredictor on tensors.

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "execute/backend.h"
#include "trees/predictor.h"
#include "trees/tree_graph.h"

namespace mlops {

struct TreeTensors {
  std::vector<TreeOutput> outputs;  // in signature order
  std::vector<RowStep> steps;       // before the trees
};

class TreeExecutor final : public Executor {
 public:
  // The references outlive the executor.
  static Result<std::unique_ptr<Executor>> make(const TreePredictor& predictor,
                                                const TreeTensors& tensors);

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override;
  void interrupt() override { interrupted_.store(true, std::memory_order_relaxed); }

 private:
  TreeExecutor(const TreePredictor& predictor, const TreeTensors& tensors,
               std::unique_ptr<TreePredictor::Session> session);
  Status run_rows(const Tensor& input, std::span<OutputSlot> outputs);
  Status make_room(std::span<OutputSlot> outputs, std::int64_t rows);
  void give_tile(std::span<OutputSlot> outputs, std::size_t first, std::size_t count);
  Status give_names(OutputSlot& output, std::int64_t rows) const;
  bool has_names() const { return !predictor_.forest().classes.names.empty(); }

  const TreePredictor& predictor_;
  const TreeTensors& tensors_;
  std::unique_ptr<TreePredictor::Session> session_;
  // Of one tile.
  std::vector<float> rows_;  // those that lie unaligned, or come after steps
  std::vector<float> scores_;
  std::vector<std::int64_t> classes_;
  std::string names_;  // of all rows' classes, where they have names
  std::atomic<bool> interrupted_{false};
};

}  // namespace mlops
