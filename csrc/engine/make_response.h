#pragma once
// From a version's outputs to one request's Response.

#include "engine/batch_run.h"

namespace mlops {

// Says in `response`, which is new, what it answers.
inline void start_response(const LaneContext& context, const Request& request, Response& response) {
  response.model = context.info->name;
  response.version = context.info->version;
  response.id = request.id;
  response.model_pin = context.info;
}

// The same with outputs: `tensor_of(output index)` gives this request's share of each.
template <class TensorOf>
void make_response(const LaneContext& context, const Request& request, const Resolved& resolved,
                   TensorOf tensor_of, Response& response) {
  start_response(context, request, response);
  const auto& specs = context.info->signature.outputs;
  const std::size_t count = resolved.outputs.empty() ? specs.size() : resolved.outputs.size();
  response.outputs.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = resolved.outputs.empty() ? i : resolved.outputs[i];
    response.outputs.push_back({specs[index].name, tensor_of(index)});
  }
}

}  // namespace mlops
