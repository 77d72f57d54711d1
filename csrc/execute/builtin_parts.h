#pragma once
// What the built-in back ends have in common: their parameters, their delays, their outputs.

#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "execute/backend.h"
#include "execute/pause.h"
#include "model/model_config.h"

namespace mlops {

// A parameter that is a whole number, at most `largest`; absent: 0.
Result<std::uint64_t> whole_parameter(const ConfigStrings& parameters, const std::string& name,
                                      std::uint64_t largest);

// Fails unless `specs[position]` has this name and type.
Status expect_tensor(std::string_view backend, std::string_view what,
                     const std::vector<TensorSpec>& specs, std::size_t position,
                     std::string_view name, DType dtype);

// Room for an output: the preallocated buffer when it is of that size, a new one otherwise. Null
// when memory is gone. dtype, shape and bytes are set.
std::byte* output_room(Tensor& output, DType dtype, const Shape& shape, std::size_t size);

// The delay of one executor, which can be ended for good.
class Delay {
 public:
  Delay(std::shared_ptr<Pause> pause, Duration time) : pause_(std::move(pause)), time_(time) {}
  // cancelled once interrupted.
  Status pass() {
    const std::stop_token stop = stop_.get_token();
    if (time_ > Duration{0} && !stop.stop_requested()) pause_->pass(time_, stop);
    if (stop.stop_requested()) return Status::cancelled("the model was interrupted");
    return {};
  }
  void interrupt() { stop_.request_stop(); }

 private:
  std::shared_ptr<Pause> pause_;
  Duration time_;
  std::stop_source stop_;
};

// Element `index` of a dense tensor that may lie at any address.
template <class T>
T element(const Tensor& tensor, std::size_t index) {
  T value;
  std::memcpy(&value, tensor.bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace mlops
