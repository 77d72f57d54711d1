#include <string>
#include <utility>

#include "base/short_list.h"
#include "protocol/grpc_contents.h"
#include "protocol/grpc_infer.h"
#include "protocol/grpc_parameters.h"
#include "protocol/infer_rules.h"
#include "protocol/model_version.h"
#include "protocol/tensor_place.h"
#include "protocol/wire_reader.h"

namespace mlops {
namespace {

// Typed contents found in the inputs: protobuf merges several occurrences within one input.
struct ContentsPiece {
  std::size_t input;
  WireReader reader;
};

Status malformed() { return Status::invalid_argument("malformed ModelInferRequest"); }

Status too_many(std::string_view what, std::size_t limit) {
  return Status::invalid_argument("more than " + std::to_string(limit) + " " + std::string(what));
}

class GrpcDecoder {
 public:
  GrpcDecoder(const DecodeLimits& limits, CopyMeter& copies, GrpcInferCall& call)
      : limits_(limits), copies_(copies), call_(call), request_(call.request) {}

  Status run(WireReader message) {
    while (message.next()) {
      if (Status field = read_field(message); !field.ok()) return field;
    }
    if (!message.ok()) return malformed();
    if (Status names = take_names(); !names.ok()) return names;
    if (Status parameters = take_parameters(); !parameters.ok()) return parameters;
    if (Status data = attach_data(); !data.ok()) return data;
    return check_outputs_distinct(request_);
  }

 private:
  Status read_field(WireReader& message) {
    switch (message.tag()) {
      case wire_tag(1, Wire::bytes):
        model_ = message.text();
        return {};
      case wire_tag(2, Wire::bytes):
        version_ = message.text();
        return {};
      case wire_tag(3, Wire::bytes):
        id_ = message.text();
        if (id_.size() <= limits_.name_bytes_max) request_.id.assign(id_);
        return {};
      case wire_tag(4, Wire::bytes):
        if (read_parameter(message, limits_.parameters_max, parameters_)) return {};
        return too_many("request parameters", limits_.parameters_max);
      case wire_tag(5, Wire::bytes):
        return read_input(message);
      case wire_tag(6, Wire::bytes):
        return read_output(message);
      case wire_tag(7, Wire::bytes):
        if (raw_.size() == limits_.tensors_max) {
          return too_many("raw_input_contents", limits_.tensors_max);
        }
        raw_.push_back(message.bytes());
        return {};
      default:
        message.skip();
        return {};
    }
  }

  Status read_input(WireReader& message) {
    if (request_.inputs.size() == limits_.tensors_max) {
      return too_many("inputs", limits_.tensors_max);
    }
    NamedTensor& input = request_.inputs.emplace_back();
    std::string_view datatype;
    bool fits_rank = true;
    std::vector<WireParameter> parameters;
    WireReader fields = message.message();
    while (fields.next()) {
      switch (fields.tag()) {
        case wire_tag(1, Wire::bytes):
          input.name = fields.text();
          break;
        case wire_tag(2, Wire::bytes):
          datatype = fields.text();
          break;
        case wire_tag(3, Wire::varint):
          fits_rank &= input.tensor.shape.push_back(static_cast<std::int64_t>(fields.varint()));
          break;
        case wire_tag(3, Wire::bytes):
          fits_rank &= read_dims(fields, input.tensor.shape);
          break;
        case wire_tag(4, Wire::bytes):
          if (!read_parameter(fields, limits_.parameters_max, parameters)) {
            return too_many("parameters of an input", limits_.parameters_max);
          }
          break;
        case wire_tag(5, Wire::bytes):
          contents_.push_back({request_.inputs.size() - 1, fields.message()});
          break;
        default:
          fields.skip();
      }
    }
    message.finish(fields);
    if (!message.ok()) return malformed();
    if (!fits_rank) return too_many_dims(input.name);
    return finish_input(input, datatype, parameters);
  }

  static bool read_dims(WireReader& fields, Shape& shape) {
    WireReader packed(fields.bytes());
    bool fits = true;
    while (!packed.done()) fits &= shape.push_back(static_cast<std::int64_t>(packed.varint()));
    fields.finish(packed);
    return fits;
  }

  Status finish_input(NamedTensor& input, std::string_view datatype,
                      const std::vector<WireParameter>& parameters) {
    if (Status named = check_name("input", input.name, limits_); !named.ok()) return named;
    if (Status read = read_input_place(input.name, parameters); !read.ok()) return read;
    const auto dtype = dtype_from_kserve(datatype);
    if (!dtype) return unknown_datatype(input.name, datatype);
    input.tensor.dtype = *dtype;
    return check_input_shape(input.name, input.tensor.shape);
  }

  Status read_input_place(std::string_view name, const std::vector<WireParameter>& parameters) {
    if (parameters.empty()) return {};
    std::optional<SharedPlace> place;
    Status read = read_place(name, parameters, place);
    if (!place) return read;
    places_.resize(request_.inputs.size());
    places_.back() = std::move(place);
    return read;
  }

  // Null: the input does not lie in shared memory.
  const SharedPlace* place_of(std::size_t input) const {
    return input < places_.size() && places_[input] ? &*places_[input] : nullptr;
  }

  Status read_output(WireReader& message) {
    if (request_.outputs.size() == limits_.tensors_max) {
      return too_many("requested outputs", limits_.tensors_max);
    }
    std::string_view& name = request_.outputs.emplace_back();
    std::vector<WireParameter> parameters;
    WireReader fields = message.message();
    while (fields.next()) {
      switch (fields.tag()) {
        case wire_tag(1, Wire::bytes):
          name = fields.text();
          break;
        case wire_tag(2, Wire::bytes):
          if (!read_parameter(fields, limits_.parameters_max, parameters)) {
            return too_many("parameters of an output", limits_.parameters_max);
          }
          break;
        default:
          fields.skip();
      }
    }
    message.finish(fields);
    if (!message.ok()) return malformed();
    if (Status named = check_name("output", name, limits_); !named.ok()) return named;
    return plan_output_of(name, parameters);
  }

  Status plan_output_of(std::string_view name, const std::vector<WireParameter>& parameters) {
    std::uint64_t classes = 0;
    if (Status read = read_classes(parameters, classes); !read.ok()) return read;
    std::optional<SharedPlace> place;
    if (Status read = read_place(name, parameters, place); !read.ok()) return read;
    if (place && classes > 0) {
      return Status::invalid_argument(
          "output can't set both 'shared_memory_region' and 'classification'");
    }
    return plan_output(call_.shared_memory, false, classes, place, call_.outputs);
  }

  static Status read_classes(const std::vector<WireParameter>& parameters, std::uint64_t& classes) {
    for (const WireParameter& parameter : parameters) {
      if (parameter.name != "classification") continue;
      const auto* count = std::get_if<std::int64_t>(&parameter.value);
      if (!count) {
        return Status::invalid_argument(
            "invalid value type for 'classification' parameter, expected int64_param");
      }
      if (*count <= 0) {
        return Status::invalid_argument(
            "invalid value for 'classification' parameter, expected >= 0");
      }
      classes = static_cast<std::uint64_t>(*count);
    }
    return {};
  }

  Status take_names() {
    if (Status named = check_name("model", model_, limits_); !named.ok()) return named;
    if (id_.size() > limits_.name_bytes_max) {
      return Status::invalid_argument("request id is longer than " +
                                      std::to_string(limits_.name_bytes_max) + " bytes");
    }
    request_.id.assign(id_);
    request_.model.assign(model_);
    auto version = parse_model_version(version_);
    if (!version.ok()) return version.status();
    request_.version = *version;
    return {};
  }

  Status take_parameters() {
    for (const WireParameter& parameter : parameters_) {
      auto value = parameter_value(parameter);
      if (!value) {
        return Status::invalid_argument("parameter '" + std::string(parameter.name) +
                                        "' has no value");
      }
      Status taken =
          take_parameter(InferDoor::grpc, {std::string(parameter.name), std::move(*value)}, limits_,
                         request_, call_.timeout_us);
      if (!taken.ok()) return taken;
    }
    return {};
  }

  Status attach_data() {
    if (!contents_.empty()) {
      return raw_.empty() ? attach_contents() : contents_and_raw(contents_.front().input);
    }
    std::size_t used = 0;  // inputs in shared memory have none
    for (std::size_t i = 0; i < request_.inputs.size(); ++i) {
      if (place_of(i)) {
        Status read = attach_shared(i);
        if (!read.ok()) return read;
      } else if (used == raw_.size()) {
        return no_data(i);
      } else {
        request_.inputs[i].tensor.bytes = raw_[used++];
      }
    }
    if (used == raw_.size()) return {};
    return Status::invalid_argument(std::to_string(raw_.size()) + " raw_input_contents for " +
                                    std::to_string(used) + " inputs" + for_model());
  }

  // Pieces are in the order of the inputs, because they were found in it.
  Status attach_contents() {
    std::size_t piece = 0;
    std::vector<WireReader> readers;
    for (std::size_t i = 0; i < request_.inputs.size(); ++i) {
      readers.clear();
      for (; piece < contents_.size() && contents_[piece].input == i; ++piece) {
        readers.push_back(contents_[piece].reader);
      }
      if (place_of(i)) {
        if (!readers.empty()) return contents_and_region(i);
        if (Status read = attach_shared(i); !read.ok()) return read;
        continue;
      }
      if (readers.empty()) return no_data(i);
      NamedTensor& input = request_.inputs[i];
      Status read = read_grpc_contents(readers, input.name, limits_, copies_, input.tensor);
      if (!read.ok()) return read;
    }
    return {};
  }

  Status attach_shared(std::size_t input) {
    return attach_shared_input(call_.shared_memory, *place_of(input), request_,
                               request_.inputs[input]);
  }

  Status contents_and_region(std::size_t input) const {
    return Status::invalid_argument(
        "unexpected 'content' provided when using shared memory for "
        "input tensor '" +
        std::string(request_.inputs[input].name) + "'" + for_model());
  }

  std::string for_model() const { return " for model '" + request_.model + "'"; }

  Status no_data(std::size_t input) const {
    return Status::invalid_argument("unable to find data for input tensor '" +
                                    std::string(request_.inputs[input].name) + "'" + for_model() +
                                    " in request.");
  }

  Status contents_and_raw(std::size_t input) const {
    return Status::invalid_argument(
        "contents field must not be specified when using raw_input_contents for '" +
        std::string(request_.inputs[input].name) + "'" + for_model());
  }

  const DecodeLimits& limits_;
  CopyMeter& copies_;
  GrpcInferCall& call_;
  Request& request_;
  std::string_view model_;
  std::string_view version_;
  std::string_view id_;
  std::vector<WireParameter> parameters_;
  std::vector<std::optional<SharedPlace>> places_;  // by input, up to the last that has one
  std::vector<ContentsPiece> contents_;
  ShortList<std::span<const std::byte>, 8> raw_;
};

}  // namespace

Status decode_grpc_infer(Buffer owner, std::span<const std::byte> message,
                         const DecodeLimits& limits, CopyMeter& copies, GrpcInferCall& call) {
  call.request.keep_alive.push_back(std::move(owner));
  return GrpcDecoder(limits, copies, call).run(WireReader(message));
}

}  // namespace mlops
