#pragma once
// What became of a decoupled model's responses, by their number within a request. Thread-safe.

#include <mutex>
#include <vector>

#include "base/status.h"
#include "engine/stats.h"

namespace mlops {

class ResponseTable {
 public:
  // Responses beyond so many of one request are not counted: a model may give any number.
  static constexpr std::size_t kResponsesMax = 1000;

  // Nanoseconds in the back end, and in handing the response over.
  void success(std::size_t number, std::uint64_t infer_ns, std::uint64_t output_ns);
  // The request's last response, which has no outputs.
  void empty(std::size_t number, std::uint64_t infer_ns);
  // The request ended otherwise instead of with this response.
  void failure(std::size_t number, Code code, std::uint64_t infer_ns);
  void add_to(std::vector<ResponseStats>& responses) const;

 private:
  ResponseStats* slot_locked(std::size_t number);

  mutable std::mutex mutex_;
  std::vector<ResponseStats> responses_;  // guarded by mutex_; by number
};

}  // namespace mlops
