#include <charconv>
#include <string>
#include <utility>

#include "base/short_list.h"
#include "protocol/http_infer.h"
#include "protocol/http_input.h"
#include "protocol/http_raw.h"
#include "protocol/infer_rules.h"
#include "protocol/json_cursor.h"
#include "protocol/json_fields.h"
#include "protocol/tensor_place.h"
#include "protocol/utf8.h"

namespace mlops {
namespace {

class HttpDecoder {
 public:
  HttpDecoder(std::span<const std::byte> body, std::size_t json_size, bool has_header,
              const DecodeLimits& limits, CopyMeter& copies, HttpInferCall& call)
      : json_({reinterpret_cast<const char*>(body.data()), json_size}, limits.json_depth_max),
        binary_(body.subspan(json_size)),
        has_header_(has_header),
        limits_(limits),
        copies_(copies),
        call_(call),
        request_(call.request) {}

  Status run() {
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      if (Status field = read_field(key); !field.ok()) return field;
    }
    json_.finish();
    if (!json_.ok()) return json_.status();
    if (!has_inputs_) return missing_member("inputs");
    if (Status data = attach_binary(); !data.ok()) return data;
    return check_outputs_distinct(request_);
  }

 private:
  Status read_field(std::string_view key) {
    Status first;
    if (key == "id") {
      first = first_time(has_id_, key);
      return first.ok() ? read_id() : first;
    }
    if (key == "parameters") {
      first = first_time(has_parameters_, key);
      return first.ok() ? read_parameters() : first;
    }
    if (key == "inputs") {
      first = first_time(has_inputs_, key);
      return first.ok() ? read_list("inputs", &HttpDecoder::read_input) : first;
    }
    if (key == "outputs") {
      first = first_time(has_outputs_, key);
      return first.ok() ? read_list("outputs", &HttpDecoder::read_output) : first;
    }
    json_.skip();
    return json_.status();
  }

  Status read_id() {
    std::string_view id;
    Status text = read_json_text(json_, "id", request_.keep_alive, id);
    if (!text.ok()) return text;
    if (id.size() > limits_.name_bytes_max) {
      return Status::invalid_argument("request id is longer than " +
                                      std::to_string(limits_.name_bytes_max) + " bytes");
    }
    request_.id.assign(id);
    return {};
  }

  Status read_parameters() {
    Status object = expect_json(json_, "parameters", JsonKind::object);
    if (!object.ok()) return object;
    bool has_binary_output = false;
    bool has_timeout = false;
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      Status first;
      if (key == "binary_data_output") {
        first = first_time(has_binary_output, key);
        if (first.ok()) first = read_json_boolean(json_, key, call_.outputs.binary_default);
        if (!first.ok()) return first;
        continue;
      }
      if (key == "headers" && json_.peek() == JsonKind::object) {
        json_.skip();  // reserved: what a proxy forwarded, not a parameter of the model
        continue;
      }
      if (key == "timeout") first = first_time(has_timeout, key);
      if (first.ok()) first = read_parameter(std::string(key));
      if (!first.ok()) return first;
    }
    return json_.status();
  }

  Status read_parameter(std::string name) {
    for (const Parameter& earlier : request_.parameters) {
      if (earlier.name == name) {
        return Status::invalid_argument("parameter " + in_quotes(name) + " is given twice");
      }
    }
    Parameter parameter{std::move(name), {}};
    if (Status value = read_json_parameter(json_, parameter); !value.ok()) return value;
    return take_parameter(InferDoor::http, std::move(parameter), limits_, request_,
                          call_.timeout_us);
  }

  Status read_list(std::string_view key, Status (HttpDecoder::*read_one)()) {
    if (Status array = expect_json(json_, key, JsonKind::array); !array.ok()) return array;
    std::size_t count = 0;
    for (json_.enter_array(); json_.next_element(); ++count) {
      if (count == limits_.tensors_max) {
        return Status::invalid_argument("more than " + std::to_string(limits_.tensors_max) + " " +
                                        std::string(key));
      }
      if (json_.peek() != JsonKind::object) return unable_to_parse(key, "expected objects");
      if (Status one = (this->*read_one)(); !one.ok()) return one;
    }
    return json_.status();
  }

  Status read_input() {
    std::optional<std::size_t> binary_size;
    Status read =
        read_http_input(json_, limits_, copies_, call_.shared_memory, request_, binary_size);
    if (binary_size) binary_inputs_.push_back({request_.inputs.size() - 1, *binary_size});
    return read;
  }

  struct OutputFields {
    bool binary = false;
    std::size_t classes = 0;
    bool has_classes = false;
    PlaceReader place;
  };

  Status read_output() {
    std::string_view name;
    bool has_name = false;
    bool has_parameters = false;
    OutputFields fields;
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      Status field;
      if (key == "name") {
        field = first_time(has_name, key);
        if (field.ok()) field = read_json_text(json_, "name", request_.keep_alive, name);
      } else if (key == "parameters") {
        field = first_time(has_parameters, key);
        if (field.ok()) field = read_output_parameters(fields);
      } else {
        json_.skip();
      }
      if (!field.ok()) return field;
    }
    if (!json_.ok()) return json_.status();
    if (!has_name) return missing_member("name");
    if (Status named = check_name("output", name, limits_); !named.ok()) return named;
    if (Status plain = check_output_fields(fields); !plain.ok()) return plain;
    request_.outputs.push_back(name);
    return plan_output(call_.shared_memory, fields.binary, fields.classes, fields.place.place(),
                       call_.outputs);
  }

  Status read_output_parameters(OutputFields& fields) {
    Status object = expect_json(json_, "parameters", JsonKind::object);
    if (!object.ok()) return object;
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      Status read;
      if (key == "binary_data") {
        read = read_json_boolean(json_, key, fields.binary);
      } else if (key == "classification") {
        fields.has_classes = true;
        read = read_json_unsigned(json_, key, fields.classes);
      } else if (!fields.place.read(json_, key, read)) {
        json_.skip();
      }
      if (!read.ok()) return read;
    }
    return json_.status();
  }

  static Status check_output_fields(const OutputFields& fields) {
    if (!fields.place.place()) return {};
    if (fields.has_classes) {
      return Status::invalid_argument(
          "Output can't set both 'shared_memory_region' and 'classification'");
    }
    if (!fields.binary) return {};
    return Status::invalid_argument(
        "Output can't set both 'shared_memory_region' and 'binary_data'");
  }

  Status attach_binary() {
    std::span<const std::byte> rest = binary_;
    for (std::size_t i = 0; i < binary_inputs_.size(); ++i) {
      const auto [position, size] = binary_inputs_[i];
      NamedTensor& input = request_.inputs[position];
      if (size > 0 && !has_header_) {
        return Status::invalid_argument(
            "must specify valid 'Infer-Header-Content-Length' in request header and "
            "'binary_data_size' when passing inputs in binary data format");
      }
      if (size > rest.size()) {
        return Status::invalid_argument("unexpected size for input " + in_quotes(input.name) +
                                        ", expecting " + std::to_string(size - rest.size()) +
                                        " additional bytes for model " + in_quotes(request_.model));
      }
      input.tensor.bytes = rest.first(size);
      rest = rest.subspan(size);
    }
    if (rest.empty()) return {};
    return Status::invalid_argument("unexpected additional input data for model " +
                                    in_quotes(request_.model));
  }

  struct BinaryInput {
    std::size_t position;
    std::size_t size;
  };

  JsonCursor json_;
  std::span<const std::byte> binary_;
  bool has_header_;
  const DecodeLimits& limits_;
  CopyMeter& copies_;
  HttpInferCall& call_;
  Request& request_;
  bool has_id_ = false;
  bool has_parameters_ = false;
  bool has_inputs_ = false;
  bool has_outputs_ = false;
  ShortList<BinaryInput, 8> binary_inputs_;
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
  return HttpDecoder(body, json_size, header_length.has_value(), limits, copies, call).run();
}

}  // namespace mlops
