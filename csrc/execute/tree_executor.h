#pragma once
// One lane's way to run a TreePredictor on tensors.

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "execute/backend.h"
#include "trees/predictor.h"
#include "trees/tree_graph.h"

namespace mlops {

class TreeExecutor final : public Executor {
 public:
  // `outputs` in signature order; both references outlive the executor.
  static Result<std::unique_ptr<Executor>> make(const TreePredictor& predictor,
                                                const std::vector<TreeOutput>& outputs);

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override;
  void interrupt() override { interrupted_.store(true, std::memory_order_relaxed); }

 private:
  TreeExecutor(const TreePredictor& predictor, const std::vector<TreeOutput>& outputs,
               std::unique_ptr<TreePredictor::Session> session);
  Status run_rows(const Tensor& input, std::span<OutputSlot> outputs);
  Status make_room(std::span<OutputSlot> outputs, std::int64_t rows);
  void give_tile(std::span<OutputSlot> outputs, std::size_t first, std::size_t count);

  const TreePredictor& predictor_;
  const std::vector<TreeOutput>& kinds_;
  std::unique_ptr<TreePredictor::Session> session_;
  // Of one tile.
  std::vector<float> rows_;  // those that lie unaligned
  std::vector<float> scores_;
  std::vector<std::int64_t> classes_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace mlops
