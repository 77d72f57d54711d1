#include "engine/ensemble_loading.h"

#include <algorithm>

#include "engine/complete_config.h"
#include "model/labels.h"

namespace mlops {
namespace {

// The ensemble's max_batch_size bounds what its members are given.
Status check_batch(const ModelConfig& config, const ModelInfo& member) {
  const std::int64_t rows = config.max_batch_size.value_or(0);
  if (rows == 0) return {};
  if (!member.has_batch_axis) {
    return Status::invalid_argument("max_batch_size is " + std::to_string(rows) + ", and model '" +
                                    member.name + "' takes no batches");
  }
  if (member.request_rows_max == 0 || member.request_rows_max >= rows) return {};
  return Status::invalid_argument("max_batch_size is " + std::to_string(rows) + ", and model '" +
                                  member.name + "' takes at most " +
                                  std::to_string(member.request_rows_max) + " rows");
}

Result<std::shared_ptr<ModelInfo>> make_info(const ModelSource& source, const EnsemblePlan& plan) {
  auto info = std::make_shared<ModelInfo>();
  info->name = source.name;
  info->version = source.version;
  info->platform = "ensemble";
  info->signature = plan.signature;
  info->request_rows_max = source.config->max_batch_size.value_or(0);
  info->has_batch_axis = info->request_rows_max > 0;
  info->batch_rows_max = info->request_rows_max;
  info->batching_reason = "its models batch its steps";
  info->labels.resize(plan.signature.outputs.size());
  for (const TensorConfig& output : source.config->outputs) {
    const auto index = plan.signature.output_index(output.name);
    if (output.label_filename.empty() || !index) continue;
    Result<std::vector<std::string>> labels =
        read_labels(source.folder + "/" + output.label_filename);
    if (!labels.ok()) return labels.status();
    info->labels[*index] = *std::move(labels);
  }
  info->config = std::make_shared<const ModelConfig>(complete_config(source.config.get(), *info));
  return info;
}

}  // namespace

Result<std::shared_ptr<ServedEnsemble>> load_ensemble(const ModelSource& source,
                                                      const ModelCatalog& catalog,
                                                      Pipeline& pipeline, const Clock& clock) {
  const ModelConfig& config = *source.config;
  int level = 1;
  const auto member = [&](const std::string& name, std::int64_t version) -> Result<Signature> {
    if (name == source.name) return Status::invalid_argument("an ensemble made of itself");
    const Result<ModelCatalog::Entry> found = catalog.find(name, version);
    if (!found.ok()) return found.status();
    const ModelInfo& info = (*found)->info();
    if (info.decoupled) {
      return Status::unimplemented("decoupled models cannot be part of an ensemble");
    }
    if (Status s = check_batch(config, info); !s.ok()) return s;
    level = std::max(level, (*found)->level() + 1);
    return info.signature;
  };
  Result<EnsemblePlan> plan = plan_ensemble(config, member);
  if (!plan.ok()) return plan.status();
  const Result<std::shared_ptr<ModelInfo>> info = make_info(source, *plan);
  if (!info.ok()) return info.status();
  StepDoor door;
  door.submit = [&pipeline](PendingRef step) {
    pipeline.submit(std::move(step), Pipeline::From::ensemble);
  };
  door.submit_turn = [&pipeline](std::span<PendingRef> steps) {
    pipeline.submit_turn(steps, Pipeline::From::ensemble);
  };
  return std::make_shared<ServedEnsemble>(*info, *std::move(plan), std::move(door), clock, level);
}

}  // namespace mlops
