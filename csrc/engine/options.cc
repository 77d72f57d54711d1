#include "engine/options.h"

namespace mlops {
namespace {

constexpr unsigned kLanesMax = 1024;

}  // namespace

Status EngineOptions::validate() const {
  if (lanes > kLanesMax) {
    return Status::invalid_argument("lanes is " + std::to_string(lanes) + "; at most " +
                                    std::to_string(kLanesMax));
  }
  if (compute_threads > kLanesMax) {
    return Status::invalid_argument("compute_threads is " + std::to_string(compute_threads) +
                                    "; at most " + std::to_string(kLanesMax));
  }
  if (queue_requests_max == 0) {
    return Status::invalid_argument(
        "queue_requests_max is 0: every request that must wait would be "
        "refused; use at least 1");
  }
  if (slab_bytes_max < 4096) {
    return Status::invalid_argument("slab_bytes_max is below 4096: no batch would fit");
  }
  if (Status s = drift.validate(); !s.ok()) return s;
  return feedback.validate();
}

Status ModelSource::validate() const {
  if (Status s = check_model_name(name); !s.ok()) return s;
  if (name.size() > 255) return Status::invalid_argument("the model name is longer than 255 bytes");
  if (version < 1) {
    return Status::invalid_argument("model version is " + std::to_string(version) +
                                    "; versions are positive");
  }
  if (lanes > kLanesMax) {
    return Status::invalid_argument("lanes is " + std::to_string(lanes) + "; at most " +
                                    std::to_string(kLanesMax));
  }
  if (batch_rows_max < 0) return Status::invalid_argument("batch_rows_max is negative");
  return {};
}

ModelSource model_source(const ModelFolder& folder, std::int64_t version) {
  ModelSource source;
  source.name = folder.name;
  source.version = version;
  source.path = folder.model_path(version);
  source.config = folder.config;
  if (folder.config) source.sequences = folder.config->sequence_batching;
  source.folder = folder.path;
  return source;
}

}  // namespace mlops
