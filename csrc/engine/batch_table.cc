#include "engine/batch_table.h"

#include <algorithm>

#include "base/single_writer.h"

namespace mlops {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

void merge(std::vector<BatchStats>& batches, const BatchStats& more) {
  const auto at = std::ranges::lower_bound(batches, more.rows, {}, &BatchStats::rows);
  if (at == batches.end() || at->rows != more.rows) {
    batches.insert(at, more);
    return;
  }
  at->executions += more.executions;
  at->input_ns += more.input_ns;
  at->infer_ns += more.infer_ns;
  at->output_ns += more.output_ns;
}

}  // namespace

void BatchTable::add(const BatchStats& execution) {
  Slot* slot = slot_of(execution.rows);
  if (!slot) return;
  bump(slot->executions, execution.executions);
  bump(slot->input_ns, execution.input_ns);
  bump(slot->infer_ns, execution.infer_ns);
  bump(slot->output_ns, execution.output_ns);
}

BatchTable::Slot* BatchTable::slot_of(std::uint64_t rows) {
  for (std::size_t i = 0; rows > 0 && i < kSizes; ++i) {
    Slot& slot = slots_[(rows + i) % kSizes];
    const std::uint64_t held = slot.rows.load(kRelaxed);
    if (held == rows) return &slot;
    if (held != 0) continue;
    slot.rows.store(rows, kRelaxed);
    return &slot;
  }
  return nullptr;
}

void BatchTable::add_to(std::vector<BatchStats>& batches) const {
  for (const Slot& slot : slots_) {
    const BatchStats batch{slot.rows.load(kRelaxed), slot.executions.load(kRelaxed),
                           slot.input_ns.load(kRelaxed), slot.infer_ns.load(kRelaxed),
                           slot.output_ns.load(kRelaxed)};
    if (batch.executions > 0) merge(batches, batch);
  }
}

}  // namespace mlops
