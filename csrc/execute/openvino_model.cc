#include "execute/openvino_model.h"

#include <array>
#include <limits>
#include <utility>

namespace mlops {
namespace {

// In the order of DType. The numbering has changed between versions: that of a loaded model's own
// tensors is compared with this one, and where it differs the model is refused.
constexpr std::array<unsigned, kDTypeCount> kNumbers = {
    1,   // boolean
    16,  // u8
    17,  // u16
    18,  // u32
    19,  // u64
    7,   // i8
    8,   // i16
    9,   // i32
    10,  // i64
    3,   // f16
    4,   // f32
    5,   // f64
    2,   // bf16
    std::numeric_limits<unsigned>::max(),
};

Status another(const TensorSpec& spec, const char* what) {
  return Status::unimplemented("OpenVINO sees another " + std::string(what) + " of '" + spec.name +
                               "'");
}

}  // namespace

unsigned openvino_type(DType dtype) { return kNumbers[static_cast<std::size_t>(dtype)]; }

Result<std::shared_ptr<OpenvinoModel>> OpenvinoModel::load(
    std::shared_ptr<const OpenvinoRuntime> runtime, const std::string& path,
    const Signature& signature, OpenvinoPrecision precision) {
  for (const std::vector<TensorSpec>* side : {&signature.inputs, &signature.outputs}) {
    for (const TensorSpec& spec : *side) {
      if (spec.dtype != DType::bytes) continue;
      return Status::unimplemented("'" + spec.name + "' holds strings");
    }
  }
  std::shared_ptr<OpenvinoModel> model(new OpenvinoModel(std::move(runtime), signature, precision));
  const OpenvinoApi& api = model->api();
  const OpenvinoCode code = make(model->model_, api.model_free, [&](ov_model** out) {
    return api.core_read_model(model->runtime_->core(), path.c_str(), nullptr, out);
  });
  if (Status s = openvino_failure(api, code, Code::unimplemented, "OpenVINO cannot read it");
      !s.ok()) {
    return s;
  }
  Result<std::unique_ptr<OpenvinoLane>> first = model->compile();
  if (!first.ok()) return first.status();
  model->idle_.push_back(*std::move(first));
  return model;
}

Result<std::unique_ptr<OpenvinoLane>> OpenvinoModel::compile() const {
  auto lane = std::make_unique<OpenvinoLane>();
  const char* const precision = precision_ == OpenvinoPrecision::bf16 ? "bf16" : "f32";
  const OpenvinoCode code =
      make(lane->compiled, api().compiled_model_free, [&](ov_compiled_model** out) {
        return api().core_compile_model(runtime_->core(), model_.get(), "CPU", 12, out,  //
                                        "INFERENCE_PRECISION_HINT", precision,           //
                                        // With a stream of its own, a run that fails says nothing,
                                        // and runs again inside the next one on its thread.
                                        "NUM_STREAMS", "0",             //
                                        "INFERENCE_NUM_THREADS", "1",   //
                                        "ENABLE_CPU_PINNING", "NO",     //
                                        "PERFORMANCE_HINT", "LATENCY",  //
                                        // Else activations of some layers are rounded to int8.
                                        "DYNAMIC_QUANTIZATION_GROUP_SIZE", "0");
      });
  if (Status s = openvino_failure(api(), code, Code::unimplemented, "OpenVINO cannot compile it");
      !s.ok()) {
    return s;
  }
  if (Status s = find_ports(*lane); !s.ok()) return s;
  return lane;
}

Status OpenvinoModel::find_ports(OpenvinoLane& lane) const {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  const ov_compiled_model* compiled = lane.compiled.get();
  if (api().compiled_model_inputs_size(compiled, &inputs) != kOpenvinoOk ||
      api().compiled_model_outputs_size(compiled, &outputs) != kOpenvinoOk ||
      inputs != signature_.inputs.size() || outputs != signature_.outputs.size()) {
    return Status::unimplemented("OpenVINO sees other inputs or outputs");
  }
  const auto find = [&](const std::vector<TensorSpec>& specs, auto by_name, auto& ports) -> Status {
    for (const TensorSpec& spec : specs) {
      OpenvinoHandle<ov_output_const_port> port;
      const OpenvinoCode code = make(
          port, api().output_const_port_free,
          [&](ov_output_const_port** out) { return by_name(compiled, spec.name.c_str(), out); });
      if (code != kOpenvinoOk || !port) {
        return Status::unimplemented("OpenVINO does not know '" + spec.name + "'");
      }
      if (Status s = check_port(spec, *port); !s.ok()) return s;
      ports.push_back(std::move(port));
    }
    return {};
  };
  if (Status s = find(signature_.inputs, api().compiled_model_input_by_name, lane.inputs);
      !s.ok()) {
    return s;
  }
  return find(signature_.outputs, api().compiled_model_output_by_name, lane.outputs);
}

// Whatever the signature admits must be open here too. Sizes that only OpenVINO leaves open are no
// matter: requests are checked against the signature.
Status OpenvinoModel::check_port(const TensorSpec& spec, const ov_output_const_port& port) const {
  unsigned type = 0;
  if (api().port_get_element_type(&port, &type) != kOpenvinoOk ||
      type != openvino_type(spec.dtype)) {
    return another(spec, "element type");
  }
  if (!spec.rank_known) return {};
  OpenvinoPartialShape shape;
  if (api().port_get_partial_shape(&port, &shape) != kOpenvinoOk) return another(spec, "shape");
  bool same = true;
  if (shape.rank.least == shape.rank.most) {
    same = std::cmp_equal(shape.rank.least, spec.dims.size());
    for (std::size_t axis = 0; same && axis < spec.dims.size(); ++axis) {
      const OpenvinoDimension& dim = shape.dims[axis];
      const bool open = dim.least != dim.most;
      same = spec.dims[axis] == kAnySize ? open : open || dim.least == spec.dims[axis];
    }
  }
  api().partial_shape_free(&shape);
  return same ? Status() : another(spec, "shape");
}

Result<std::unique_ptr<OpenvinoLane>> OpenvinoModel::take_lane() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<OpenvinoLane> lane = std::move(idle_.back());
      idle_.pop_back();
      return lane;
    }
  }
  return compile();
}

void OpenvinoModel::give_back(std::unique_ptr<OpenvinoLane> lane) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(lane));
}

}  // namespace mlops
