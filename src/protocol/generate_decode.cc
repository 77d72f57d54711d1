#include <algorithm>
#include <string>
#include <utility>

#include "protocol/generate.h"
#include "protocol/infer_rules.h"
#include "protocol/json_cursor.h"
#include "protocol/json_data.h"
#include "protocol/json_fields.h"

namespace mlops {
namespace {

class GenerateDecoder {
 public:
  GenerateDecoder(std::string_view text, const ModelInfo& model, const DecodeLimits& limits,
                  CopyMeter& copies, HttpInferCall& call)
      : json_(text, limits.json_depth_max),
        model_(model),
        limits_(limits),
        copies_(copies),
        call_(call),
        request_(call.request) {}

  Status run() {
    if (Status read = read_object(true); !read.ok()) return read;
    json_.finish();
    return json_.status();
  }

 private:
  Status read_object(bool outermost) {
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      if (Status field = read_field(std::string(key), outermost); !field.ok()) return field;
    }
    return json_.status();
  }

  Status read_field(std::string key, bool outermost) {
    if (const auto input = model_.signature.input_index(key)) {
      return read_input(model_.signature.inputs[*input]);
    }
    if (outermost && key == "id") return read_id();
    if (outermost && key == "parameters") return read_nested();
    for (const Parameter& earlier : request_.parameters) {
      if (earlier.name == key) {
        return Status::invalid_argument("parameter " + in_quotes(key) + " is given twice");
      }
    }
    Parameter parameter{std::move(key), {}};
    if (Status value = read_json_parameter(json_, parameter); !value.ok()) return value;
    return take_parameter(InferDoor::http, std::move(parameter), limits_, request_,
                          call_.timeout_us);
  }

  Status read_id() {
    if (Status first = first_time(has_id_, "id"); !first.ok()) return first;
    if (json_.peek() != JsonKind::string) {
      return unable_to_parse("id", "attempt to access JSON non-string as string");
    }
    request_.id.assign(json_.string());
    if (request_.id.size() <= limits_.name_bytes_max) return json_.status();
    request_.id.clear();
    return Status::invalid_argument("request id is longer than " +
                                    std::to_string(limits_.name_bytes_max) + " bytes");
  }

  Status read_nested() {
    if (Status first = first_time(has_parameters_, "parameters"); !first.ok()) return first;
    if (json_.peek() == JsonKind::object) return read_object(false);
    return Status::invalid_argument("Expected JSON object for keyword: 'parameters'");
  }

  Status read_input(const TensorSpec& spec) {
    const bool twice = std::ranges::any_of(
        request_.inputs, [&](const NamedTensor& input) { return input.name == spec.name; });
    if (twice) {
      return Status::invalid_argument("input " + in_quotes(spec.name) +
                                      " already exists in request");
    }
    const char* begin = json_.at();
    std::int64_t count = 0;
    if (Status counted = count_values(spec, count); !counted.ok()) return counted;
    std::string list;
    std::string_view text(begin, static_cast<std::size_t>(json_.at() - begin));
    if (!is_list_) {
      list.append("[").append(text).append("]");
      text = list;
    }
    const std::optional<Shape> shape = generate_shape(spec, count);
    if (!shape) {
      return Status::invalid_argument("The schema can not convert input " + in_quotes(spec.name) +
                                      " to tensor with proper shape");
    }
    NamedTensor input{keep(spec.name), {}};
    input.tensor.dtype = spec.dtype;
    input.tensor.shape = *shape;
    JsonCursor data(text, limits_.json_depth_max);
    if (Status read = read_json_data(data, spec.name, limits_, copies_, input.tensor); !read.ok()) {
      return read;
    }
    request_.inputs.push_back(std::move(input));
    return {};
  }

  // A name that lives as long as the request.
  std::string_view keep(const std::string& name) {
    const Buffer copy = allocate_buffer(name.size());
    if (!copy) return {};  // names no input: refused later
    name.copy(reinterpret_cast<char*>(copy->data()), name.size());
    request_.keep_alive.push_back(copy);
    return {reinterpret_cast<const char*>(copy->data()), name.size()};
  }

  // Passes over the value that comes next, which must be a scalar of the right kind or a list of
  // such.
  Status count_values(const TensorSpec& spec, std::int64_t& count) {
    is_list_ = json_.peek() == JsonKind::array;
    if (!is_list_) {
      count = 1;
      return skip_value(spec);
    }
    for (json_.enter_array(); json_.next_element(); ++count) {
      if (Status kind = skip_value(spec); !kind.ok()) return kind;
    }
    return json_.status();
  }

  Status skip_value(const TensorSpec& spec) {
    const JsonKind kind = json_.peek();
    std::string_view wanted;
    if (spec.dtype == DType::bytes) {
      if (kind != JsonKind::string) wanted = "string";
    } else if (spec.dtype == DType::boolean) {
      if (kind != JsonKind::boolean) wanted = "boolean";
    } else if (kind != JsonKind::number) {
      wanted = "number";
    }
    if (kind == JsonKind::bad) {
      json_.fail_syntax();
    } else if (!wanted.empty()) {
      return unable_to_parse(spec.name, "attempt to access JSON non-" + std::string(wanted) +
                                            " as " + std::string(wanted));
    } else {
      json_.skip();
    }
    return json_.status();
  }

  JsonCursor json_;
  const ModelInfo& model_;
  const DecodeLimits& limits_;
  CopyMeter& copies_;
  HttpInferCall& call_;
  Request& request_;
  bool has_id_ = false;
  bool has_parameters_ = false;
  bool is_list_ = false;  // the input counted last
};

}  // namespace

std::optional<Shape> generate_shape(const TensorSpec& spec, std::int64_t count) {
  if (!spec.rank_known) return Shape{count};
  std::optional<Shape> shape = Shape::from(spec.dims);
  if (!shape) return std::nullopt;
  for (const std::int64_t size : spec.dims) {
    if (size == kAnySize) continue;
    if (size == 0 || count % size != 0) return std::nullopt;
    count /= size;
  }
  for (std::size_t axis = spec.dims.size(); axis-- > 0;) {
    if (spec.dims[axis] == kAnySize) shape->set(axis, std::exchange(count, 1));
  }
  if (count != 1) return std::nullopt;
  return shape;
}

Status decode_generate(Buffer owner, std::span<const std::byte> body, const ModelInfo& model,
                       const DecodeLimits& limits, CopyMeter& copies, HttpInferCall& call) {
  if (body.size() > limits.body_bytes_max) {
    return Status::invalid_argument("request JSON size of " + std::to_string(body.size()) +
                                    " bytes exceeds the maximum allowed input size of " +
                                    std::to_string(limits.body_bytes_max) +
                                    ". Use --http-max-input-size to increase the limit.");
  }
  if (body.empty()) return {};
  const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  if (owner) call.request.keep_alive.push_back(std::move(owner));
  return GenerateDecoder(text, model, limits, copies, call).run();
}

}  // namespace mlops
