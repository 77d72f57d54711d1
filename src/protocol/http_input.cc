#include "protocol/http_input.h"

#include <string>
#include <utility>

#include "protocol/infer_rules.h"
#include "protocol/json_data.h"
#include "protocol/json_fields.h"
#include "protocol/tensor_place.h"

namespace mlops {
namespace {

class InputReader {
 public:
  InputReader(JsonCursor& json, const DecodeLimits& limits, CopyMeter& copies, SharedMemory* memory,
              Request& request)
      : json_(json),
        limits_(limits),
        copies_(copies),
        memory_(memory),
        request_(request),
        input_(request.inputs.emplace_back()) {}

  Status run(std::optional<std::size_t>& binary_size) {
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      if (Status field = read_field(key); !field.ok()) return field;
    }
    if (!json_.ok()) return json_.status();
    if (Status whole = check(); !whole.ok()) return whole;
    binary_size = binary_size_;
    if (place_.place()) return attach_shared_input(memory_, *place_.place(), request_, input_);
    if (!waiting_) return {};
    return read_json_data(*waiting_, input_.name, limits_, copies_, input_.tensor);
  }

 private:
  Status read_field(std::string_view key) {
    Status first;
    if (key == "name") {
      first = first_time(has_name_, key);
      return first.ok() ? read_json_text(json_, "name", request_.keep_alive, input_.name) : first;
    }
    if (key == "datatype") {
      first = first_time(has_datatype_, key);
      return first.ok() ? read_datatype() : first;
    }
    if (key == "shape") {
      first = first_time(has_shape_, key);
      return first.ok() ? read_shape() : first;
    }
    if (key == "parameters") {
      first = first_time(has_parameters_, key);
      return first.ok() ? read_parameters() : first;
    }
    if (key == "data") {
      first = first_time(has_data_, key);
      return first.ok() ? read_data() : first;
    }
    json_.skip();
    return json_.status();
  }

  Status read_datatype() {
    if (json_.peek() != JsonKind::string) return unable_to_parse("datatype", "expected a string");
    const std::string_view text = json_.string();
    dtype_ = dtype_from_kserve(text);
    if (dtype_) {
      input_.tensor.dtype = *dtype_;
    } else {
      unknown_datatype_.assign(text.substr(0, 64));
    }
    return json_.status();
  }

  Status read_shape() {
    if (Status array = expect_json(json_, "shape", JsonKind::array); !array.ok()) return array;
    for (json_.enter_array(); json_.next_element();) {
      std::size_t dim = 0;
      if (Status read = read_json_unsigned(json_, "shape", dim); !read.ok()) {
        return json_.ok() ? Status::internal(read.message()) : read;  // 500, as in Triton
      }
      // Above int64 the dim is negative from here on and check_input_shape refuses it.
      fits_rank_ &= input_.tensor.shape.push_back(static_cast<std::int64_t>(dim));
    }
    return json_.status();
  }

  Status read_parameters() {
    Status object = expect_json(json_, "parameters", JsonKind::object);
    if (!object.ok()) return object;
    bool has_size = false;
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      if (key == "binary_data_size") {
        if (Status first = first_time(has_size, key); !first.ok()) return first;
        std::size_t size = 0;
        if (Status read = read_json_unsigned(json_, key, size); !read.ok()) return read;
        binary_size_ = size;
      } else if (Status read; place_.read(json_, key, read)) {
        if (!read.ok()) return read;
      } else {
        json_.skip();
      }
    }
    return json_.status();
  }

  Status read_data() {
    const bool known = has_name_ && dtype_ && has_shape_ && fits_rank_ &&
                       check_input_shape(input_.name, input_.tensor.shape).ok();
    if (known) return read_json_data(json_, input_.name, limits_, copies_, input_.tensor);
    waiting_ = json_;
    json_.skip();
    return json_.status();
  }

  Status check() const {
    if (Status source = check_data_source(); !source.ok()) return source;
    if (!has_name_) return missing_member("name");
    if (Status named = check_name("input", input_.name, limits_); !named.ok()) return named;
    if (!has_datatype_) return missing_member("datatype");
    if (!dtype_) return unknown_datatype(input_.name, unknown_datatype_);
    if (!has_shape_) return missing_member("shape");
    if (!fits_rank_) return too_many_dims(input_.name);
    return check_input_shape(input_.name, input_.tensor.shape);
  }

  Status check_data_source() const {
    const int sources =
        int{has_data_} + int{binary_size_.has_value()} + int{place_.place().has_value()};
    if (sources == 1) return {};
    std::string text =
        "Input must set only one of the following fields: 'data', 'binary_data_size' in "
        "'parameters', 'shared_memory_region' in 'parameters'. But";
    text += sources == 0 ? " no field is set" : " set";
    if (has_data_) text += " 'data'";
    if (binary_size_) text += " 'binary_data_size'";
    if (place_.place()) text += " 'shared_memory_region'";
    return Status::invalid_argument(std::move(text));
  }

  JsonCursor& json_;
  const DecodeLimits& limits_;
  CopyMeter& copies_;
  SharedMemory* memory_;
  Request& request_;
  NamedTensor& input_;
  bool has_name_ = false;
  bool has_datatype_ = false;
  bool has_shape_ = false;
  bool has_parameters_ = false;
  bool has_data_ = false;
  bool fits_rank_ = true;
  std::optional<DType> dtype_;
  std::string unknown_datatype_;
  std::optional<std::size_t> binary_size_;
  PlaceReader place_;
  std::optional<JsonCursor> waiting_;  // stands at data that came before datatype, shape or name
};

}  // namespace

Status read_http_input(JsonCursor& json, const DecodeLimits& limits, CopyMeter& copies,
                       SharedMemory* memory, Request& request,
                       std::optional<std::size_t>& binary_size) {
  return InputReader(json, limits, copies, memory, request).run(binary_size);
}

}  // namespace mlops
