#include "route/arm_watch.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "request/remembered.h"

namespace mlops {
namespace {

constexpr std::size_t kValuesLookedAt = 4096;  // of one output: an answer must not wait for more

template <class Number>
bool all_finite(std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < std::min(bytes.size() / sizeof(Number), kValuesLookedAt); ++i) {
    Number value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    if (!std::isfinite(value)) return false;
  }
  return true;
}

bool is_finite(const Response& response) {
  return std::ranges::all_of(response.outputs, [](const NamedTensor& output) {
    if (output.tensor.dtype == DType::f32) return all_finite<float>(output.tensor.bytes);
    return output.tensor.dtype != DType::f64 || all_finite<double>(output.tensor.bytes);
  });
}

// What a version can be blamed for: not what the client did.
bool is_bad(Code code) {
  return code == Code::internal || code == Code::unavailable || code == Code::deadline_exceeded ||
         code == Code::resource_exhausted;
}

}  // namespace

void ArmWatch::answered(const AnswerMark& mark, const Request& request,
                        Response& response) const noexcept {
  const bool ok = response.status.ok();
  (ok ? counts_->success : counts_->failure).add(1);
  const std::uint64_t latency_ns =
      is_timed() ? elapsed_ns(mark.began, std::chrono::steady_clock::now()) : 0;
  if (guarded_.guard && mark.by_share) tell_guard(mark, response, latency_ns);
  if (!ok) return;
  if (mark.shadows != 0) offer_shadows(mark, request, response, latency_ns);
  response.parameters.push_back({std::string(kRouteArmParameter), arm_});
}

void ArmWatch::tell_guard(const AnswerMark& mark, const Response& response,
                          std::uint64_t latency_ns) const {
  const Code code = response.status.code();
  if (code != Code::ok && !is_bad(code)) return;
  guarded_.guard->answered({.by_arm = guarded_.by_arm,
                            .share = guarded_.share,
                            .unit = mark.unit,
                            .batch = response.batch,
                            .bad = code != Code::ok,
                            .finite = code != Code::ok || is_finite(response),
                            .timed = !is_remembered(response),
                            .latency_ns = latency_ns});
}

// Views and references are copied, no tensor's bytes.
void ArmWatch::offer_shadows(const AnswerMark& mark, const Request& request,
                             const Response& response, std::uint64_t latency_ns) const {
  if (!shadows_->sink) return;
  for (std::size_t i = 0; i < shadows_->shadows.size(); ++i) {
    if (((mark.shadows >> i) & 1) == 0) continue;
    const ShadowList::Shadow& shadow = shadows_->shadows[i];
    if (!shadows_->sink->has_room()) {
      shadow.log->offered();
      shadow.log->dropped(ShadowLog::Drop::full);
      continue;
    }
    ShadowJob job{request, response.outputs, response.model_pin, latency_ns, shadow.log};
    job.request.version = shadow.version;
    job.request.deadline = kNever;
    job.request.timeout_us = 0;
    shadows_->sink->offer(std::move(job));
  }
}

}  // namespace mlops
