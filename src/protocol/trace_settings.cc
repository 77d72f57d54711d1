#include "protocol/trace_settings.h"

namespace mlops {
namespace {

// A rate that is as good as none: the one request of so many is looked at more closely.
constexpr std::uint32_t kNobody = UINT32_MAX;

template <class T>
void change(std::optional<T>& target, const TraceUpdate::Change<T>& change) {
  if (change) target = *change;
}

}  // namespace

TraceControl::TraceControl(std::string file, const TraceSettings& initial, TraceMode mode)
    : file_(std::move(file)), mode_(mode) {
  set_initial(initial);
}

void TraceControl::set_initial(const TraceSettings& initial) {
  const std::lock_guard lock(mutex_);
  initial_ = initial;
  note_active_locked();
}

TraceSettings TraceControl::settings(const std::string& model) const {
  const std::lock_guard lock(mutex_);
  return settings_locked(model);
}

TraceSettings TraceControl::settings_locked(const std::string& model) const {
  TraceSettings found = initial_;
  const auto lay_over = [&found](const Overrides& over) {
    if (over.level) found.level = *over.level;
    if (over.rate) found.rate = *over.rate;
    if (over.count) found.count = *over.count;
    if (over.log_frequency) found.log_frequency = *over.log_frequency;
  };
  lay_over(server_);
  if (const auto own = models_.find(model); own != models_.end()) lay_over(own->second);
  return found;
}

void TraceControl::update(const std::string& model, const TraceUpdate& update) {
  const std::lock_guard lock(mutex_);
  Overrides& target = model.empty() ? server_ : models_[model];
  change(target.level, update.level);
  change(target.rate, update.rate);
  change(target.count, update.count);
  change(target.log_frequency, update.log_frequency);
  if (!model.empty() && target.empty()) models_.erase(model);
  note_active_locked();
}

// Triton's mode without a file has nowhere to write a trace to.
void TraceControl::note_active_locked() {
  bool active = !settings_locked("").level.off();
  for (const auto& [model, over] : models_) active |= over.level && !over.level->off();
  const bool somewhere = mode_ == TraceMode::opentelemetry || !file_.empty();
  active_.store(active && somewhere, std::memory_order_relaxed);
  const TraceSettings all = settings_locked("");
  const bool alike = models_.empty() && !all.level.off() && all.count <= 0;
  const bool nobody = all.rate == 0 || all.count == 0;
  rate_of_all_.store(!alike ? 0 : nobody ? kNobody : all.rate, std::memory_order_relaxed);
}

TraceDecision TraceControl::decide_active(const std::string& model, std::string_view traceparent,
                                          std::string_view tracestate) {
  TraceDecision decision;
  if (mode_ == TraceMode::opentelemetry) {
    decision.parent = parse_trace_context(traceparent, tracestate);
  }
  const bool asked = decision.parent && decision.parent->sampled;
  if (!asked && passes_by()) return decision;
  const std::lock_guard lock(mutex_);
  const TraceSettings now = settings_locked(model);
  if (now.level.off()) return decision;
  decision.level = now.level;
  decision.level.tensors &= mode_ == TraceMode::triton;  // spans hold none
  decision.traced = asked || sample_locked(model, now);
  return decision;
}

bool TraceControl::sample_locked(const std::string& model, const TraceSettings& now) {
  if (now.rate == 0 || now.count == 0) return false;
  const auto own = models_.find(model);
  const std::uint64_t seen =
      own != models_.end() ? ++own->second.seen : seen_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (seen % now.rate != 0) return false;
  if (now.count > 0) {
    Overrides& holder = own != models_.end() && own->second.count ? own->second : server_;
    holder.count = now.count - 1;
    if (now.count == 1) note_active_locked();
  }
  return true;
}

}  // namespace mlops
