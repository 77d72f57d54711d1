#include "protocol/output_plan.h"

#include <algorithm>

#include "protocol/classify.h"

namespace mlops {
namespace {

Status write_to_region(NamedTensor& output, SharedOutput& region, CopyMeter& copies) {
  const std::size_t size = output.tensor.bytes.size();
  if (size > region.place().byte_size) {
    return Status::invalid_argument(
        "shared memory size specified with the request for output '" + std::string(output.name) +
        "' (" + std::to_string(region.place().byte_size) + " bytes) should be at least " +
        std::to_string(size) + " bytes to hold the results");
  }
  if (Status written = region.write(output.tensor.bytes); !written.ok()) return written;
  copies.add(CopySite::shared_memory, size);
  output.tensor.bytes = {};
  output.tensor.owner = nullptr;
  return {};
}

Status classify_outputs(const Engine& engine, const OutputPlan& plan, Response& response) {
  // A version that was unloaded a moment ago leaves its outputs without this knowledge.
  const Result<ModelInfo> info = engine.info(response.model, response.version);
  if (!info.ok()) return info.status();
  for (std::size_t i = 0; i < plan.forms.size() && i < response.outputs.size(); ++i) {
    if (plan.forms[i].classes == 0) continue;
    NamedTensor& output = response.outputs[i];
    const auto index = info->signature.output_index(output.name);
    std::span<const std::string> labels;
    if (index && *index < info->labels.size()) labels = info->labels[*index];
    Result<Tensor> classes =
        classify(output.tensor, plan.forms[i].classes, info->has_batch_axis, labels);
    if (!classes.ok()) return classes.status();
    output.tensor = *std::move(classes);
  }
  return {};
}

}  // namespace

Status finish_outputs(const Engine& engine, const OutputPlan& plan, CopyMeter& copies,
                      Response& response) {
  const bool classified =
      std::ranges::any_of(plan.forms, [](const OutputForm& form) { return form.classes > 0; });
  if (classified) {
    if (Status done = classify_outputs(engine, plan, response); !done.ok()) return done;
  }
  for (std::size_t i = 0; i < plan.forms.size() && i < response.outputs.size(); ++i) {
    if (!plan.forms[i].region) continue;
    Status written = write_to_region(response.outputs[i], *plan.forms[i].region, copies);
    if (!written.ok()) return written;
  }
  return {};
}

Status plan_output(SharedMemory* memory, bool binary, std::uint64_t classes,
                   const std::optional<SharedPlace>& place, OutputPlan& plan) {
  OutputForm form{binary, classes, nullptr};
  if (place) {
    if (!memory) return unknown_region(place->region);
    Result<std::shared_ptr<SharedOutput>> region = memory->output(*place);
    if (!region.ok()) return region.status();
    form.region = *std::move(region);
  }
  plan.forms.push_back(std::move(form));
  return {};
}

}  // namespace mlops
