#include <charconv>
#include <cstring>
#include <string>
#include <utility>

#include "protocol/http_infer.h"
#include "protocol/http_raw.h"
#include "protocol/infer_rules.h"
#include "protocol/json_cursor.h"
#include "protocol/json_data.h"
#include "protocol/utf8.h"

namespace mlops {
namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

Status unable(std::string_view key, std::string_view why) {
  return Status::invalid_argument("Unable to parse " + quoted(key) + ": " + std::string(why));
}

Status missing(std::string_view key) {
  return unable(key, "attempt to access non-existing object member " + quoted(key));
}

constexpr std::string_view kNotUnsigned =
    "attempt to access JSON non-unsigned-integer as unsigned-integer";

// Marks `key` as seen. A key that decides something must not be there twice: which one counts would
// depend on the parser.
Status once(bool& seen, std::string_view key) {
  if (!std::exchange(seen, true)) return {};
  return Status::invalid_argument(quoted(key) + " is given twice");
}

class Decoder {
 public:
  Decoder(std::span<const std::byte> body, std::size_t json_size, const DecodeLimits& limits,
          CopyMeter& copies, HttpInferCall& call)
      : json_({reinterpret_cast<const char*>(body.data()), json_size}, limits.json_depth_max),
        binary_(body.subspan(json_size)),
        limits_(limits),
        copies_(copies),
        call_(call),
        request_(call.request) {}

  Status run() {
    if (Status document = read_document(); !document.ok()) return document;
    if (Status data = attach_binary(); !data.ok()) return data;
    return check_outputs_distinct(request_);
  }

 private:
  // Where the data of an input is. Exactly one place is allowed.
  struct Input {
    std::size_t position = 0;  // in request_.inputs
    bool has_name = false;
    bool has_datatype = false;
    bool has_shape = false;
    bool has_parameters = false;
    bool has_data = false;
    bool has_region = false;
    std::optional<std::size_t> binary_size;
    std::optional<DType> dtype;
    std::string datatype;  // only when dtype is not known
    bool fits_rank = true;
    std::optional<JsonCursor> waiting;  // data met before datatype and shape
  };

  Status read_document() {
    bool has_id = false;
    bool has_parameters = false;
    bool has_inputs = false;
    bool has_outputs = false;
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      Status field;
      if (key == "id") {
        field = once(has_id, key);
        if (field.ok()) field = read_id();
      } else if (key == "parameters") {
        field = once(has_parameters, key);
        if (field.ok()) field = read_parameters();
      } else if (key == "inputs") {
        field = once(has_inputs, key);
        if (field.ok()) field = read_list("inputs", &Decoder::read_input);
      } else if (key == "outputs") {
        field = once(has_outputs, key);
        if (field.ok()) field = read_list("outputs", &Decoder::read_output);
      } else {
        json_.skip();
      }
      if (!field.ok()) return field;
    }
    json_.finish();
    if (!json_.ok()) return json_.status();
    return has_inputs ? Status() : missing("inputs");
  }

  Status read_id() {
    std::string_view id;
    if (Status text = read_string("id", id); !text.ok()) return text;
    if (id.size() > limits_.name_bytes_max) {
      return Status::invalid_argument("request id is longer than " +
                                      std::to_string(limits_.name_bytes_max) + " bytes");
    }
    request_.id.assign(id);
    return {};
  }

  Status read_parameters() {
    if (json_.peek() != JsonKind::object) return unable("parameters", "expected an object");
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      Parameter parameter{std::string(key), {}};
      for (const Parameter& earlier : request_.parameters) {
        if (earlier.name == parameter.name) {
          return Status::invalid_argument("parameter " + quoted(key) + " is given twice");
        }
      }
      if (Status value = read_value(parameter); !value.ok()) return value;
      if (parameter.name == "binary_data_output") {
        const bool* binary = std::get_if<bool>(&parameter.value);
        if (!binary) return unable(parameter.name, "attempt to access JSON non-boolean as boolean");
        call_.outputs.binary_default = *binary;
        continue;
      }
      Status taken = take_parameter(InferDoor::http, std::move(parameter), limits_, request_,
                                    call_.timeout_us);
      if (!taken.ok()) return taken;
    }
    return json_.status();
  }

  Status read_value(Parameter& parameter) {
    switch (json_.peek()) {
      case JsonKind::string:
        parameter.value = std::string(json_.string());
        break;
      case JsonKind::boolean:
        parameter.value = json_.boolean();
        break;
      case JsonKind::number:
        return read_number(parameter);
      case JsonKind::bad:
        json_.fail_syntax();
        break;
      default:
        return Status::invalid_argument(
            "parameter " + quoted(parameter.name) +
            " has invalid type. It should be either 'int', 'bool', 'double' or 'string'.");
    }
    return json_.status();
  }

  Status read_number(Parameter& parameter) {
    const std::string_view token = json_.number();
    if (!json_.ok()) return json_.status();
    const char* end = token.data() + token.size();
    const auto reads_as = [&](auto value) {
      const auto [stop, error] = std::from_chars(token.data(), end, value);
      if (error != std::errc() || stop != end) return false;
      parameter.value = value;
      return true;
    };
    if (reads_as(std::int64_t{}) || reads_as(std::uint64_t{}) || reads_as(double{})) return {};
    return Status::invalid_argument("parameter " + quoted(parameter.name) +
                                    " is a number that a double cannot hold");
  }

  Status read_list(std::string_view key, Status (Decoder::*read_one)()) {
    if (json_.peek() != JsonKind::array) return unable(key, "expected an array");
    std::size_t count = 0;
    for (json_.enter_array(); json_.next_element(); ++count) {
      if (count == limits_.tensors_max) {
        return Status::invalid_argument("more than " + std::to_string(limits_.tensors_max) + " " +
                                        std::string(key));
      }
      if (json_.peek() != JsonKind::object) return unable(key, "expected objects");
      if (Status one = (this->*read_one)(); !one.ok()) return one;
    }
    return json_.status();
  }

  Status read_input() {
    Input input;
    input.position = request_.inputs.size();
    NamedTensor& tensor = request_.inputs.emplace_back();
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      if (Status field = read_input_field(key, input, tensor); !field.ok()) return field;
    }
    if (!json_.ok()) return json_.status();
    if (Status whole = check_input(input, tensor); !whole.ok()) return whole;
    if (input.waiting) {
      return read_json_data(*input.waiting, tensor.name, limits_, copies_, tensor.tensor);
    }
    if (input.binary_size) binary_inputs_.push_back({input.position, *input.binary_size});
    return {};
  }

  Status read_input_field(std::string_view key, Input& input, NamedTensor& tensor) {
    if (key == "name") {
      Status first = once(input.has_name, key);
      return first.ok() ? read_string("name", tensor.name) : first;
    }
    if (key == "datatype") {
      Status first = once(input.has_datatype, key);
      return first.ok() ? read_datatype(input, tensor) : first;
    }
    if (key == "shape") {
      Status first = once(input.has_shape, key);
      return first.ok() ? read_shape(input, tensor.tensor.shape) : first;
    }
    if (key == "parameters") {
      Status first = once(input.has_parameters, key);
      return first.ok() ? read_input_parameters(input) : first;
    }
    if (key == "data") {
      Status first = once(input.has_data, key);
      return first.ok() ? read_data(input, tensor) : first;
    }
    json_.skip();
    return json_.status();
  }

  Status read_datatype(Input& input, NamedTensor& tensor) {
    std::string_view text;
    if (Status read = read_string("datatype", text); !read.ok()) return read;
    input.dtype = dtype_from_kserve(text);
    if (input.dtype) {
      tensor.tensor.dtype = *input.dtype;
    } else {
      input.datatype.assign(text.substr(0, 64));
    }
    return {};
  }

  Status read_shape(Input& input, Shape& shape) {
    if (json_.peek() != JsonKind::array) return unable("shape", "expected an array");
    for (json_.enter_array(); json_.next_element();) {
      std::size_t dim = 0;
      if (Status read = read_unsigned("shape", dim); !read.ok()) return read;
      // Above int64 the dim is negative from here on and check_input_shape refuses it.
      input.fits_rank &= shape.push_back(static_cast<std::int64_t>(dim));
    }
    return json_.status();
  }

  Status read_input_parameters(Input& input) {
    if (json_.peek() != JsonKind::object) return unable("parameters", "expected an object");
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      if (key == "binary_data_size") {
        if (input.binary_size) {
          return Status::invalid_argument("'binary_data_size' is given twice");
        }
        std::size_t size = 0;
        if (Status read = read_unsigned(key, size); !read.ok()) return read;
        input.binary_size = size;
      } else {
        input.has_region |= key == "shared_memory_region";
        json_.skip();
      }
    }
    return json_.status();
  }

  Status read_data(Input& input, NamedTensor& tensor) {
    const bool known = input.dtype && input.has_shape && input.fits_rank && input.has_name &&
                       check_input_shape(tensor.name, tensor.tensor.shape).ok();
    if (known) return read_json_data(json_, tensor.name, limits_, copies_, tensor.tensor);
    input.waiting = json_;
    json_.skip();
    return json_.status();
  }

  Status check_input(const Input& input, const NamedTensor& tensor) const {
    if (Status source = check_data_source(input); !source.ok()) return source;
    if (!input.has_name) return missing("name");
    if (Status named = check_name("input", tensor.name, limits_); !named.ok()) return named;
    if (!input.has_datatype) return missing("datatype");
    if (!input.dtype) return unknown_datatype(tensor.name, input.datatype);
    if (!input.has_shape) return missing("shape");
    if (!input.fits_rank) return too_many_dims(tensor.name);
    if (input.has_region) return refuse_tensor_parameter(tensor.name, "shared_memory_region");
    return check_input_shape(tensor.name, tensor.tensor.shape);
  }

  static Status check_data_source(const Input& input) {
    const int sources =
        int{input.has_data} + int{input.binary_size.has_value()} + int{input.has_region};
    if (sources == 1) return {};
    std::string text =
        "Input must set only one of the following fields: 'data', 'binary_data_size' in "
        "'parameters', 'shared_memory_region' in 'parameters'. But";
    text += sources == 0 ? " no field is set" : " set";
    if (input.has_data) text += " 'data'";
    if (input.binary_size) text += " 'binary_data_size'";
    if (input.has_region) text += " 'shared_memory_region'";
    return Status::invalid_argument(std::move(text));
  }

  Status read_output() {
    std::string_view name;
    bool has_name = false;
    bool has_parameters = false;
    bool binary = false;
    std::string_view refused;
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      Status field;
      if (key == "name") {
        field = once(has_name, key);
        if (field.ok()) field = read_string("name", name);
      } else if (key == "parameters") {
        field = once(has_parameters, key);
        if (field.ok()) field = read_output_parameters(binary, refused);
      } else {
        json_.skip();
      }
      if (!field.ok()) return field;
    }
    if (!json_.ok()) return json_.status();
    if (!has_name) return missing("name");
    if (Status named = check_name("output", name, limits_); !named.ok()) return named;
    if (Status served = refuse_tensor_parameter(name, refused); !served.ok()) return served;
    request_.outputs.push_back(name);
    call_.outputs.binary.push_back(binary);
    return {};
  }

  Status read_output_parameters(bool& binary, std::string_view& refused) {
    if (json_.peek() != JsonKind::object) return unable("parameters", "expected an object");
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      if (key == "binary_data") {
        if (json_.peek() != JsonKind::boolean) {
          return unable(key, "attempt to access JSON non-boolean as boolean");
        }
        binary = json_.boolean();
      } else if (key == "classification") {
        std::size_t classes = 0;
        if (Status read = read_unsigned(key, classes); !read.ok()) return read;
        if (classes != 0) refused = "classification";
      } else {
        if (key == "shared_memory_region") refused = "shared_memory_region";
        json_.skip();
      }
    }
    return json_.status();
  }

  Status read_string(std::string_view key, std::string_view& out) {
    if (json_.peek() != JsonKind::string) return unable(key, "expected a string");
    const std::string_view text = json_.string();
    if (!json_.ok()) return json_.status();
    if (json_.owns(text)) {
      out = text;
      return {};
    }
    // It had escapes: what they stand for is kept beside the body.
    Buffer copy = allocate_buffer(text.size());
    if (!copy) return Status::resource_exhausted("no memory for names");
    std::memcpy(copy->data(), text.data(), text.size());
    out = {reinterpret_cast<const char*>(copy->data()), text.size()};
    request_.keep_alive.push_back(std::move(copy));
    return {};
  }

  Status read_unsigned(std::string_view key, std::size_t& out) {
    const bool is_number = json_.peek() == JsonKind::number;
    const std::string_view token = is_number ? json_.number() : std::string_view();
    if (!json_.ok()) return json_.status();
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), out);
    const bool whole = error == std::errc() && end == token.data() + token.size();
    return whole ? Status() : unable(key, kNotUnsigned);
  }

  Status attach_binary() {
    std::span<const std::byte> rest = binary_;
    for (const auto& [position, size] : binary_inputs_) {
      NamedTensor& input = request_.inputs[position];
      if (size > rest.size()) {
        return Status::invalid_argument("unexpected size for input " + quoted(input.name) +
                                        ", expecting " + std::to_string(size - rest.size()) +
                                        " additional bytes for model " + quoted(request_.model));
      }
      input.tensor.bytes = rest.first(size);
      rest = rest.subspan(size);
    }
    if (rest.empty()) return {};
    return Status::invalid_argument("unexpected additional input data for model " +
                                    quoted(request_.model));
  }

  struct BinaryInput {
    std::size_t position;
    std::size_t size;
  };

  JsonCursor json_;
  std::span<const std::byte> binary_;
  const DecodeLimits& limits_;
  CopyMeter& copies_;
  HttpInferCall& call_;
  Request& request_;
  std::vector<BinaryInput> binary_inputs_;
};

}  // namespace

Status decode_http_infer(Buffer owner, std::span<const std::byte> body,
                         std::optional<std::string_view> header_length, const ModelInfo* model,
                         const DecodeLimits& limits, CopyMeter& copies, HttpInferCall& call) {
  std::size_t json_size = body.size();
  if (header_length) {
    auto length = parse_header_length(*header_length, body.size());
    if (!length.ok()) return length.status();
    json_size = *length;
  }
  call.request.keep_alive.push_back(std::move(owner));
  if (header_length && json_size == 0) {
    return decode_raw_binary(body, model, limits, copies, call);
  }
  if (json_size > limits.body_bytes_max) {
    return Status::invalid_argument("request JSON size of " + std::to_string(json_size) +
                                    " bytes exceeds the maximum allowed input size of " +
                                    std::to_string(limits.body_bytes_max) +
                                    " bytes. Use --http-max-input-size to increase the limit.");
  }
  if (!is_utf8({reinterpret_cast<const char*>(body.data()), json_size})) {
    return Status::invalid_argument("the request JSON is not UTF-8");
  }
  return Decoder(body, json_size, limits, copies, call).run();
}

}  // namespace mlops
