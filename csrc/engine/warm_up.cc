#include "engine/warm_up.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "engine/probe_rows.h"
#include "model/text_file.h"
#include "tensor/byte_strings.h"

namespace mlops {
namespace {

constexpr std::size_t kSampleBytesMax = std::size_t{256} << 20;

Status run(Executor& executor, std::span<const Tensor> inputs, std::size_t outputs) {
  std::vector<OutputSlot> slots(outputs);
  for (OutputSlot& slot : slots) slot.wanted = true;
  return executor.run(inputs, slots);
}

Status fill_from_file(const std::string& path, Tensor& tensor) {
  const Result<std::string> data = read_file(path, kSampleBytesMax);
  if (!data.ok()) return data.status();
  const auto dense = dense_size(tensor.dtype, tensor.shape);
  if (dense && *dense != data->size()) {
    return Status::invalid_argument("'" + path + "' has " + std::to_string(data->size()) +
                                    " bytes; shape " + tensor.shape.to_string() + " needs " +
                                    std::to_string(*dense));
  }
  tensor.owner = allocate_buffer(data->size());
  if (!tensor.owner) return Status::resource_exhausted("no memory for a warm-up sample");
  if (!data->empty()) std::memcpy(tensor.owner->data(), data->data(), data->size());
  tensor.bytes = {tensor.owner->data(), data->size()};
  return {};
}

Status fill(const WarmupInput& input, Tensor& tensor) {
  const auto elements = tensor.shape.elements();
  const std::size_t size = std::max<std::size_t>(4, size_of(tensor.dtype));
  if (!elements || static_cast<std::size_t>(*elements) > kSampleBytesMax / size) {
    return Status::invalid_argument("shape " + tensor.shape.to_string() + " is too large");
  }
  if (input.source == WarmupInput::Source::random) {
    std::mt19937_64 random(13);
    const TensorSpec spec{"",
                          tensor.dtype,
                          {tensor.shape.dims().begin(), tensor.shape.dims().end()},
                          std::vector<std::string>(tensor.shape.rank()),
                          true};
    std::vector<Tensor> made = make_probe_inputs({{spec}, {}}, {}, random);
    if (made.empty()) return Status::invalid_argument("the sample is too large");
    tensor = std::move(made.front());
    return {};
  }
  // Zeroes; of strings, empty ones: a length of zero each.
  const std::size_t each = tensor.dtype == DType::bytes ? 4 : size_of(tensor.dtype);
  const std::size_t bytes = static_cast<std::size_t>(*elements) * each;
  tensor.owner = allocate_buffer(bytes);
  if (!tensor.owner) return Status::resource_exhausted("no memory for a warm-up sample");
  std::memset(tensor.owner->data(), 0, bytes);
  tensor.bytes = {tensor.owner->data(), bytes};
  return {};
}

Status make_input(const TensorSpec& spec, const ModelWarmup& warmup, const std::string& folder,
                  Tensor& tensor) {
  const auto found = warmup.inputs.find(spec.name);
  if (found == warmup.inputs.end()) {
    return Status::invalid_argument("no data for input '" + spec.name + "'");
  }
  const WarmupInput& input = found->second;
  const std::string of = "input '" + spec.name + "': ";
  tensor.dtype = input.dtype.value_or(spec.dtype);
  if (warmup.batch_size > 0) tensor.shape.push_back(warmup.batch_size);
  for (const std::int64_t dim : input.dims) {
    if (!tensor.shape.push_back(dim)) return Status::invalid_argument(of + "too many dimensions");
  }
  if (tensor.dtype != spec.dtype || !spec.accepts(tensor.shape)) {
    return Status::invalid_argument(
        of + std::string(config_type_name(tensor.dtype)) + " " + tensor.shape.to_string() +
        " is not what the model takes: " + std::string(config_type_name(spec.dtype)) + " " +
        dims_to_string(spec.dims));
  }
  const Status status = input.source == WarmupInput::Source::file
                            ? fill_from_file(folder + "/warmup/" + input.data_file, tensor)
                            : fill(input, tensor);
  return status.ok() ? status : Status(status.code(), of + status.message());
}

Status check_names(const ModelWarmup& warmup, const Signature& signature) {
  for (const auto& [name, input] : warmup.inputs) {
    if (!signature.input_index(name)) {
      return Status::invalid_argument("the model has no input '" + name + "'");
    }
  }
  return {};
}

Status run_sample(Executor& executor, const Signature& signature, const ModelWarmup& warmup,
                  const std::string& folder) {
  if (Status s = check_names(warmup, signature); !s.ok()) return s;
  std::vector<Tensor> inputs(signature.inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (Status s = make_input(signature.inputs[i], warmup, folder, inputs[i]); !s.ok()) return s;
  }
  for (std::uint32_t i = 0; i < std::max(1U, warmup.count); ++i) {
    if (Status s = run(executor, inputs, signature.outputs.size()); !s.ok()) return s;
  }
  return {};
}

}  // namespace

void warm_batches(Executor& executor, const Signature& signature, std::int64_t open_size,
                  std::int64_t rows_max, Duration budget, const Clock& clock) {
  const TimePoint start = clock.now();
  std::mt19937_64 random(17);
  for (std::int64_t rows = 1; rows <= rows_max; rows = std::max(rows + 1, rows * 2)) {
    // The next batch takes about as long as all before it.
    const Duration spent{elapsed_ns(start, clock.now())};
    if (spent * 2 > budget) return;
    const auto inputs = make_probe_inputs(signature, {rows, open_size, 1.0}, random);
    if (inputs.size() != signature.inputs.size()) return;
    if (!run(executor, inputs, signature.outputs.size()).ok()) return;
  }
}

Status run_model_warmup(Executor& executor, const Signature& signature, const ModelConfig& config,
                        const std::string& folder) {
  for (const ModelWarmup& warmup : config.warmup) {
    const Status status = run_sample(executor, signature, warmup, folder);
    if (status.ok()) continue;
    return Status(status.code(), "model_warmup '" + warmup.name + "' failed: " + status.message());
  }
  return {};
}

}  // namespace mlops
