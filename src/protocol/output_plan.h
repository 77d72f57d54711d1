#pragma once
// How each output of a request is to travel, and what has to be done to it before it is encoded.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/engine.h"
#include "protocol/shared_memory.h"
#include "request/request.h"
#include "tensor/copy_meter.h"

namespace mlops {

struct OutputForm {
  bool binary = false;                   // HTTP: bytes behind the JSON, not JSON numbers
  std::uint64_t classes = 0;             // above 0: as so many class strings a row
  std::shared_ptr<SharedOutput> region;  // written there, not sent
};

struct OutputPlan {
  bool binary_default = false;    // for outputs when none were listed
  std::vector<OutputForm> forms;  // one per requested output, in the order of Request::outputs

  bool is_binary(std::size_t position) const {
    return position < forms.size() ? forms[position].binary : binary_default;
  }
  bool is_elsewhere(std::size_t position) const {
    return position < forms.size() && forms[position].region;
  }
  // As it was made, but for memory that it has.
  void renew() {
    binary_default = false;
    forms.clear();
  }
};

// Makes class strings of scores and puts what goes into regions there; such outputs have no bytes
// any more. Does nothing for most requests. `response` must be ok.
Status finish_outputs(const Engine& engine, const OutputPlan& plan, CopyMeter& copies,
                      Response& response);

// What a request says of one output, checked: adds it to the plan.
Status plan_output(SharedMemory* memory, bool binary, std::uint64_t classes,
                   const std::optional<SharedPlace>& place, OutputPlan& plan);

}  // namespace mlops
