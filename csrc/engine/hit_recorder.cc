#include "engine/hit_recorder.h"

#include <algorithm>
#include <thread>

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
  hits_.add(1);
  hit_ns_.add(hit.spent_ns);
  if (hit.shared) shared_.add(1);
  Desk& at = desk();
  const std::lock_guard lock(at.mutex);
  at.recorder.success(hit.request_ns, 0, 0);
  if (at.observer) observe(at, request, response, now);
  if (at.notes) note(at, request, response);
}

void HitRecorder::miss(std::uint64_t looking_ns) {
  misses_.add(1);
  miss_ns_.add(looking_ns);
}

// In the signature's order, as a lane has them. A tensor that is not there leaves its columns
// unfit, which is counted.
void HitRecorder::observe(Desk& desk, const Request& request, const Response& response,
                          TimePoint now) {
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
  desk.observer->observe({desk.inputs, desk.outputs, rows, 0, rows}, now);
  desk.observer->after_reply();
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
  return {hits_.total(), hit_ns_.total(), misses_.total(), miss_ns_.total(), 0};
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
    if (desk->observer && stats.drift) *stats.drift += desk->observer->cost();
  }
  stats.cache_hit.count += hits_.total();
  stats.cache_hit.ns += hit_ns_.total();
  stats.cache_miss.count += misses_.total();
  stats.cache_miss.ns += miss_ns_.total();
  stats.cache_shared += shared_.total();
}

}  // namespace mlops
