#include "engine/response_table.h"

#include <algorithm>

namespace mlops {
namespace {

void count(CountedTime& into, std::uint64_t ns) {
  ++into.count;
  into.ns += ns;
}

void merge(CountedTime& into, const CountedTime& more) {
  into.count += more.count;
  into.ns += more.ns;
}

}  // namespace

ResponseStats* ResponseTable::slot_locked(std::size_t number) {
  if (number >= kResponsesMax) return nullptr;
  if (number >= responses_.size()) responses_.resize(number + 1);
  return &responses_[number];
}

void ResponseTable::success(std::size_t number, std::uint64_t infer_ns, std::uint64_t output_ns) {
  const std::lock_guard lock(mutex_);
  ResponseStats* const response = slot_locked(number);
  if (!response) return;
  count(response->compute_infer, infer_ns);
  count(response->compute_output, output_ns);
  count(response->success, infer_ns + output_ns);
}

void ResponseTable::empty(std::size_t number, std::uint64_t infer_ns) {
  const std::lock_guard lock(mutex_);
  ResponseStats* const response = slot_locked(number);
  if (!response) return;
  count(response->compute_infer, infer_ns);
  count(response->empty, infer_ns);
}

void ResponseTable::failure(std::size_t number, Code code, std::uint64_t infer_ns) {
  const std::lock_guard lock(mutex_);
  ResponseStats* const response = slot_locked(number);
  if (!response) return;
  count(response->compute_infer, infer_ns);
  count(code == Code::cancelled ? response->cancel : response->fail, infer_ns);
}

void ResponseTable::add_to(std::vector<ResponseStats>& responses) const {
  const std::lock_guard lock(mutex_);
  responses.resize(std::max(responses.size(), responses_.size()));
  for (std::size_t i = 0; i < responses_.size(); ++i) {
    merge(responses[i].compute_infer, responses_[i].compute_infer);
    merge(responses[i].compute_output, responses_[i].compute_output);
    merge(responses[i].success, responses_[i].success);
    merge(responses[i].fail, responses_[i].fail);
    merge(responses[i].empty, responses_[i].empty);
    merge(responses[i].cancel, responses_[i].cancel);
  }
}

}  // namespace mlops
