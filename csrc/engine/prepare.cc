// From a well-formed request to a job for this model: signature, rows, bucket.

#include "engine/served_model.h"
#include "request/validate.h"

namespace mlops {
namespace {

Status uneven_rows(const Request& request, const Signature& signature, const Resolved& resolved) {
  std::string text = "inputs of model '" + request.model + "' disagree on the batch size:";
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    const NamedTensor& input = request.inputs[resolved.input(i)];
    text += " '" + std::string(input.name) + "' " + input.tensor.shape.to_string();
  }
  return Status::invalid_argument(std::move(text));
}

// The configuration's max_batch_size bounds a request too, as in Triton.
Status check_rows(const Request& request, const ModelInfo& info, const Resolved& resolved) {
  for (std::size_t i = 0; i < info.signature.inputs.size(); ++i) {
    const Shape& shape = request.inputs[resolved.input(i)].tensor.shape;
    if (shape.rank() == 0 || shape[0] <= info.request_rows_max) continue;
    return Status::invalid_argument(
        "inference request batch-size must be <= " + std::to_string(info.request_rows_max) +
        " for '" + info.name + "'");
  }
  return {};
}

void append_bucket(const TensorSpec& spec, const Shape& shape, BucketKey& key) {
  for (std::size_t axis = 1; axis < spec.dims.size(); ++axis) {
    if (spec.dims[axis] == kAnySize) key.push_back(shape[axis]);
  }
}

}  // namespace

Status ServedModel::prepare(const Request& request, Job& job) const {
  const Signature& signature = info().signature;
  if (Status s = check_signature(request, signature, job.resolved); !s.ok()) return s;
  job.rows = 1;
  job.alone = !info().batchable;
  if (info().request_rows_max > 0) {
    if (Status s = check_rows(request, info(), job.resolved); !s.ok()) return s;
  }
  if (job.alone) return {};
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    const Shape& shape = request.inputs[job.resolved.input(i)].tensor.shape;
    if (i == 0) job.rows = shape[0];
    if (shape[0] != job.rows) return uneven_rows(request, signature, job.resolved);
    append_bucket(signature.inputs[i], shape, job.bucket);
  }
  // Whatever a model does with no rows, it does without neighbours.
  job.alone = job.rows == 0;
  return {};
}

}  // namespace mlops
