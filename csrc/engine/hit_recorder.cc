#include "engine/hit_recorder.h"

#include <algorithm>
#include <thread>

#include "base/single_writer.h"

namespace mlops {
namespace {

const Tensor* tensor_named(const std::vector<NamedTensor>& tensors, const std::string& name) {
  const auto found = std::ranges::find(tensors, name, &NamedTensor::name);
  return found == tensors.end() ? nullptr : &found->tensor;
}

}  // namespace

HitRecorder::HitRecorder(std::shared_ptr<const ModelInfo> info,
                         std::shared_ptr<DriftObserver> drift,
                         const std::shared_ptr<const FeedbackTarget>& feedback, const Clock& clock)
    : info_(std::move(info)), drift_(std::move(drift)) {
  const std::size_t desks = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 8);
  for (std::size_t i = 0; i < desks; ++i) {
    desks_.push_back(std::make_unique<Desk>());
    if (drift_) desks_.back()->observer = std::make_unique<LaneObserver>(drift_, clock);
    if (feedback) desks_.back()->notes = std::make_unique<PredictionNotes>(feedback);
  }
}

void HitRecorder::hit(const Hit& hit, const Request& request, const Response& response,
                      TimePoint now) {
  Desk& at = desk();
  const std::lock_guard lock(at.mutex);
  bump(at.hits, 1);
  bump(at.hit_ns, hit.spent_ns);
  if (hit.shared) bump(at.shared, 1);
  at.recorder.success(hit.request_ns, 0, 0);
  if (at.observer) {
    observe(at, request, response, {}, now);
    at.observer->after_reply();
  }
  if (at.notes) note(at, request, response);
}

// In the signature's order, as a lane has them. A tensor that is not there leaves its columns
// unfit, which is counted.
void HitRecorder::observe(Desk& desk, const Request& request, const Response& response,
                          const RowRange& range, TimePoint now) {
  const Signature& signature = info_->signature;
  desk.inputs.clear();
  desk.outputs.clear();
  std::size_t rows = 1;
  for (const TensorSpec& spec : signature.inputs) {
    const Tensor* tensor = tensor_named(request.inputs, spec.name);
    desk.inputs.push_back(tensor ? *tensor : Tensor());
    if (tensor && info_->has_batch_axis && tensor->shape.rank() > 0)
      rows = static_cast<std::size_t>(tensor->shape[0]);
  }
  for (const TensorSpec& spec : signature.outputs) {
    desk.outputs.push_back(tensor_named(response.outputs, spec.name));
  }
  const std::size_t count = std::min(range.count, rows - std::min(rows, range.first));
  desk.observer->observe({desk.inputs, desk.outputs, count, range.first, rows}, now);
  desk.inputs.clear();  // they keep requests' memory
}

void HitRecorder::note(Desk& desk, const Request& request, const Response& response) {
  const std::string& name = info_->signature.outputs[desk.notes->output()].name;
  const Tensor* output = tensor_named(response.outputs, name);
  if (!output) return;
  const bool rows = info_->has_batch_axis && output->shape.rank() > 0;
  desk.notes->note(request, *output, 0, rows ? static_cast<std::size_t>(output->shape[0]) : 1);
  desk.notes->store();
}

CacheWork HitRecorder::work() const {
  CacheWork work;
  for (const auto& desk : desks_) {
    work.hits += desk->hits.load(std::memory_order_relaxed);
    work.hit_ns += desk->hit_ns.load(std::memory_order_relaxed);
  }
  for (const Misses& misses : misses_) {
    work.misses += misses.count.load(std::memory_order_relaxed);
    work.miss_ns += misses.ns.load(std::memory_order_relaxed);
  }
  std::uint64_t saved = 0;
  for (const RowCounts& rows : row_counts_) saved += rows.saved.load(std::memory_order_relaxed);
  work.hits += saved / kWholeHit;
  return work;
}

void HitRecorder::settle() {
  if (!drift_) return;
  for (const auto& desk : desks_) {
    const std::lock_guard lock(desk->mutex);
    desk->observer->settle();
  }
}

void HitRecorder::add_to(ModelStats& stats) const {
  for (const auto& desk : desks_) {
    desk->recorder.add_to(stats);
    stats.cache_hit.count += desk->hits.load(std::memory_order_relaxed);
    stats.cache_hit.ns += desk->hit_ns.load(std::memory_order_relaxed);
    stats.cache_shared += desk->shared.load(std::memory_order_relaxed);
    if (desk->observer && stats.drift) *stats.drift += desk->observer->cost();
  }
  for (const Misses& misses : misses_) {
    stats.cache_miss.count += misses.count.load(std::memory_order_relaxed);
    stats.cache_miss.ns += misses.ns.load(std::memory_order_relaxed);
  }
  for (const RowCounts& rows : row_counts_) {
    stats.cache_partial += rows.partial.load(std::memory_order_relaxed);
    stats.cache_rows.found += rows.found.load(std::memory_order_relaxed);
    stats.cache_rows.missed += rows.missed.load(std::memory_order_relaxed);
  }
}

}  // namespace mlops
