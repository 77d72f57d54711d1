#include "model/config_fit.h"

#include <algorithm>

#include "model/sequence_plan.h"

namespace mlops {
namespace {

using Dims = std::vector<std::int64_t>;

Dims with_batch(const Dims& dims) {
  Dims full = {kAnySize};
  full.insert(full.end(), dims.begin(), dims.end());
  return full;
}

// A size of the configuration may be one that the graph leaves open, not the other way around.
bool narrows(const Dims& configured, const Dims& graph) {
  return std::ranges::equal(configured, graph, [](std::int64_t mine, std::int64_t declared) {
    return declared == kAnySize || mine == declared;
  });
}

bool has_open_first_axis(const TensorSpec& spec) {
  return !spec.rank_known || (!spec.dims.empty() && spec.dims[0] == kAnySize);
}

// How many elements the fixed sizes make; the open ones must agree in number.
bool same_volume(const Dims& a, const Dims& b) {
  const auto volume = [](const Dims& dims) {
    std::pair<std::int64_t, std::ptrdiff_t> made{1, std::ranges::count(dims, kAnySize)};
    for (const std::int64_t dim : dims) {
      if (dim != kAnySize && __builtin_mul_overflow(made.first, dim, &made.first)) return made;
    }
    return made;
  };
  return volume(a) == volume(b);
}

class Fitter {
 public:
  Fitter(const ModelConfig& config, FittedModel& fitted) : config_(config), fitted_(fitted) {}

  Status input(const TensorConfig* tensor, const TensorSpec& spec, std::size_t index) {
    return fit("input", tensor, spec, index, fitted_.inputs);
  }
  Status output(const TensorConfig* tensor, const TensorSpec& spec, std::size_t index) {
    return fit("output", tensor, spec, index, fitted_.outputs);
  }

 private:
  bool batched() const { return config_.max_batch_size.value_or(0) > 0; }

  Status fit(const char* kind, const TensorConfig* tensor, const TensorSpec& spec,
             std::size_t index, std::vector<FittedTensor>& into) {
    const std::string of = std::string(kind) + " '" + spec.name + "'";
    if (batched() && !has_open_first_axis(spec)) {
      return Status::invalid_argument(
          "max_batch_size is " + std::to_string(*config_.max_batch_size) + ", but " + of +
          " of the model has shape " + dims_to_string(spec.dims) +
          ", without an open first axis for the batch; use max_batch_size: 0");
    }
    FittedTensor fitted{.graph_index = index, .spec = spec, .reshaped = false, .graph_dims = {}};
    if (tensor) {
      if (Status s = check_dtype(of, *tensor, spec); !s.ok()) return s;
      if (Status s = fit_dims(of, *tensor, fitted); !s.ok()) return s;
    }
    into.push_back(std::move(fitted));
    return {};
  }

  static Status check_dtype(const std::string& of, const TensorConfig& tensor,
                            const TensorSpec& spec) {
    if (!tensor.dtype || *tensor.dtype == spec.dtype) return {};
    return Status::invalid_argument(of + " is " + std::string(config_type_name(*tensor.dtype)) +
                                    " in the configuration and " +
                                    std::string(config_type_name(spec.dtype)) + " in the model");
  }

  Status fit_dims(const std::string& of, const TensorConfig& tensor, FittedTensor& fitted) {
    if (tensor.dims.empty() && !tensor.reshape) return {};
    const Dims& graph = fitted.spec.dims;
    const bool plain = !tensor.reshape;
    const Dims& inner = plain ? tensor.dims : *tensor.reshape;
    Dims seen = batched() ? with_batch(tensor.dims) : tensor.dims;
    Dims given = batched() ? with_batch(inner) : inner;
    const bool known = fitted.spec.rank_known;
    // Without max_batch_size nobody has said whether the batch axis is among the dims.
    const bool undecided = !config_.max_batch_size && known && !graph.empty() &&
                           graph[0] == kAnySize && inner.size() + 1 == graph.size();
    if (undecided) {
      seen = with_batch(seen);
      given = with_batch(given);
    }
    if (known && !narrows(given, graph)) {
      return Status::invalid_argument(of + " has shape " + dims_to_string(given) +
                                      " by the configuration" +
                                      (batched() ? " (the batch axis first)" : "") + " and " +
                                      dims_to_string(graph) + " in the model");
    }
    if (!plain && !same_volume(tensor.dims, inner)) {
      return Status::invalid_argument(of + ": reshape from " + dims_to_string(tensor.dims) +
                                      " to " + dims_to_string(inner) +
                                      " changes the number of elements");
    }
    fitted_.differs = fitted_.differs || !plain || seen != graph || !known;
    fitted.reshaped = !plain;
    fitted.graph_dims = given;
    if (seen.size() != graph.size() || !known) fitted.spec.symbols.assign(seen.size(), "");
    fitted.spec.dims = std::move(seen);
    fitted.spec.rank_known = true;
    return {};
  }

  const ModelConfig& config_;
  FittedModel& fitted_;
};

const TensorConfig* named(const std::vector<TensorConfig>& tensors, const std::string& name) {
  const auto found = std::ranges::find(tensors, name, &TensorConfig::name);
  return found == tensors.end() ? nullptr : &*found;
}

Status no_such(const char* kind, const std::string& name, const std::vector<TensorSpec>& specs) {
  std::string known;
  for (const TensorSpec& spec : specs) known += (known.empty() ? "'" : ", '") + spec.name + "'";
  return Status::invalid_argument("the configuration has " + std::string(kind) + " '" + name +
                                  "', which the model has not; it has " + known);
}

Status check_names(const char* kind, const std::vector<TensorConfig>& tensors,
                   const std::vector<TensorSpec>& specs) {
  for (const TensorConfig& tensor : tensors) {
    if (std::ranges::find(specs, tensor.name, &TensorSpec::name) == specs.end()) {
      return no_such(kind, tensor.name, specs);
    }
  }
  return {};
}

// Tensors that the engine fills in or keeps for itself: they are not among the inputs and outputs.
bool is_of_sequences(const ModelConfig& config, const std::string& name) {
  if (!config.sequence_batching) return false;
  const SequenceBatching& sequences = *config.sequence_batching;
  return std::ranges::count(sequences.control_inputs, name, &SequenceControlInput::name) > 0 ||
         std::ranges::count(sequences.states, name, &SequenceState::input_name) > 0 ||
         std::ranges::count(sequences.states, name, &SequenceState::output_name) > 0;
}

Status declare(const std::vector<TensorConfig>& tensors, bool batched,
               std::vector<TensorSpec>& specs) {
  for (const TensorConfig& tensor : tensors) {
    if (!tensor.dtype) return Status::invalid_argument("'" + tensor.name + "' has no data_type");
    TensorSpec spec{
        tensor.name, *tensor.dtype, batched ? with_batch(tensor.dims) : tensor.dims, {}, true};
    spec.symbols.resize(spec.dims.size());
    specs.push_back(std::move(spec));
  }
  return {};
}

}  // namespace

Result<FittedModel> fit_config(const ModelConfig& config, const Signature& graph) {
  if (Status s = check_names("input", config.inputs, graph.inputs); !s.ok()) return s;
  if (Status s = check_names("output", config.outputs, graph.outputs); !s.ok()) return s;
  FittedModel fitted;
  Fitter fitter(config, fitted);
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const TensorConfig* tensor = named(config.inputs, graph.inputs[i].name);
    const bool left_out = !tensor && !is_of_sequences(config, graph.inputs[i].name);
    if (left_out && !config.inputs.empty()) {
      return Status::invalid_argument("the configuration leaves out input '" +
                                      graph.inputs[i].name + "' of the model");
    }
    if (Status s = fitter.input(tensor, graph.inputs[i], i); !s.ok()) return s;
  }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const TensorConfig* tensor = named(config.outputs, graph.outputs[i].name);
    const bool left_out = !tensor && !is_of_sequences(config, graph.outputs[i].name);
    if (left_out && !config.outputs.empty()) {
      fitted.differs = true;  // an output that clients are not to see
      continue;
    }
    if (Status s = fitter.output(tensor, graph.outputs[i], i); !s.ok()) return s;
  }
  return fitted;
}

Signature signature_of(const FittedModel& fitted) {
  Signature signature;
  for (const FittedTensor& tensor : fitted.inputs) signature.inputs.push_back(tensor.spec);
  for (const FittedTensor& tensor : fitted.outputs) signature.outputs.push_back(tensor.spec);
  return signature;
}

Result<Signature> declared_signature(const ModelConfig& config) {
  const bool batched = config.max_batch_size.value_or(0) > 0;
  Signature signature;
  if (Status s = declare(config.inputs, batched, signature.inputs); !s.ok()) return s;
  if (Status s = declare(config.outputs, batched, signature.outputs); !s.ok()) return s;
  if (config.sequence_batching) {
    if (Status s = add_sequence_tensors(*config.sequence_batching, batched, signature); !s.ok()) {
      return s;
    }
  }
  return signature;
}

}  // namespace mlops
