#include "protocol/json_data.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "protocol/json_scan.h"

namespace mlops {
namespace {

enum class Fault : std::uint8_t { none, syntax, too_deep, too_many, element };

// Whether the number, which is not zero, has a magnitude below 1.
bool below_one(const char* at, const char* stop) {
  if (*at == '-') ++at;
  const char* exponent = std::find_if(at, stop, [](char c) { return c == 'e' || c == 'E'; });
  const char* point = std::find(at, exponent, '.');
  std::int64_t magnitude = point - at;  // the decimal exponent of the first digit, plus one
  if (*at == '0') {
    const char* digit =
        std::find_if(std::min(point + 1, exponent), exponent, [](char c) { return c != '0'; });
    magnitude = point + 1 - digit;
  }
  std::int64_t scale = 0;
  if (exponent != stop) {
    const bool negative = exponent[1] == '-';
    const char* digits = exponent + (negative || exponent[1] == '+' ? 2 : 1);
    // No text is long enough to make up for an exponent of that size.
    constexpr std::int64_t kBeyond = std::int64_t{1} << 62;
    if (std::from_chars(digits, stop, scale).ec != std::errc()) scale = kBeyond;
    scale = std::min(scale, kBeyond);
    if (negative) scale = -scale;
  }
  return magnitude + scale <= 0;
}

// One element of type T at `at`, which is never `end`. Null and a fault when it is not one.
template <class T>
struct Element {
  static const char* read(const char* at, const char* end, T& value, Fault& fault) {
    const char* stop = scan_json_number(at, end);
    if (!stop) {
      fault = *at == '-' || (*at >= '0' && *at <= '9') ? Fault::syntax : Fault::element;
      return nullptr;
    }
    const bool fits =
        std::is_integral_v<T> ? to_integer(at, stop, value) : to_float(at, stop, value);
    if (!fits) fault = Fault::element;
    return fits ? stop : nullptr;
  }

 private:
  static bool to_integer(const char* at, const char* stop, T& value) {
    if constexpr (std::is_unsigned_v<T>) {
      if (*at == '-') {  // only -0 is in range
        value = 0;
        return std::all_of(at + 1, stop, [](char c) { return c == '0'; });
      }
    }
    const auto [end, error] = std::from_chars(at, stop, value);
    return error == std::errc() && end == stop;
  }

  // from_chars leaves the value alone both when it is too large for T and when it is too small; the
  // second is zero.
  static bool to_float(const char* at, const char* stop, T& value) {
    const auto [end, error] = std::from_chars(at, stop, value);
    if (error == std::errc()) return end == stop;
    value = *at == '-' ? -T{0} : T{0};
    return error == std::errc::result_out_of_range && below_one(at, stop);
  }
};

struct Boolean {};

template <>
struct Element<Boolean> {
  static const char* read(const char* at, const char* end, std::uint8_t& value, Fault& fault) {
    const std::string_view rest(at, static_cast<std::size_t>(end - at));
    value = rest.starts_with("true") ? 1 : 0;
    if (value == 1) return at + 4;
    if (rest.starts_with("false")) return at + 5;
    fault = Fault::element;
    return nullptr;
  }
};

template <class T>
using Stored = std::conditional_t<std::is_same_v<T, Boolean>, std::uint8_t, T>;

// Walks the nested array at `at` and calls read_element(at) for every element. Gives the character
// behind the array, or null and a fault.
template <class ReadElement>
const char* walk(const char*& at, const char* end, std::size_t depth_left, Fault& fault,
                 const ReadElement& read_element) {
  std::size_t depth = 0;
  const auto stop = [&](Fault why) {
    if (fault == Fault::none) fault = why;
    return nullptr;
  };
  for (;;) {
    at = skip_json_space(at, end);
    if (at == end) return stop(Fault::syntax);
    bool value_done = true;
    if (*at == '[') {
      if (depth == depth_left) return stop(Fault::too_deep);
      ++depth;
      at = skip_json_space(at + 1, end);
      value_done = at != end && *at == ']';
      if (value_done) {
        ++at;
        --depth;
      }
    } else {
      const char* next = read_element(at);
      if (!next) return stop(Fault::element);
      at = next;
    }
    while (value_done) {
      if (depth == 0) return at;
      at = skip_json_space(at, end);
      if (at == end) return stop(Fault::syntax);
      if (*at == ']') {
        --depth;
      } else if (*at == ',') {
        value_done = false;
      } else {
        return stop(Fault::syntax);
      }
      ++at;
    }
  }
}

std::string range_text(DType dtype) {
  const auto range = [](auto low, auto high) {
    return "an integer from " + std::to_string(low) + " to " + std::to_string(high);
  };
  const auto limits = [&]<class T>(T) {
    return range(std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
  };
  switch (dtype) {
    case DType::boolean:
      return "true or false";
    case DType::bytes:
      return "a string";
    case DType::u8:
      return limits(std::uint8_t{});
    case DType::u16:
      return limits(std::uint16_t{});
    case DType::u32:
      return limits(std::uint32_t{});
    case DType::u64:
      return limits(std::uint64_t{});
    case DType::i8:
      return limits(std::int8_t{});
    case DType::i16:
      return limits(std::int16_t{});
    case DType::i32:
      return limits(std::int32_t{});
    case DType::i64:
      return limits(std::int64_t{});
    default:
      return "a number that " + std::string(kserve_name(dtype)) + " can hold";
  }
}

class DataReader {
 public:
  DataReader(JsonCursor& json, std::string_view input, const DecodeLimits& limits, Tensor& tensor)
      : json_(json),
        input_(input),
        limits_(limits),
        tensor_(tensor),
        expected_(static_cast<std::size_t>(*tensor.shape.elements())) {}

  Status read() {
    switch (tensor_.dtype) {
      case DType::boolean:
        return numbers<Boolean>();
      case DType::u8:
        return numbers<std::uint8_t>();
      case DType::u16:
        return numbers<std::uint16_t>();
      case DType::u32:
        return numbers<std::uint32_t>();
      case DType::u64:
        return numbers<std::uint64_t>();
      case DType::i8:
        return numbers<std::int8_t>();
      case DType::i16:
        return numbers<std::int16_t>();
      case DType::i32:
        return numbers<std::int32_t>();
      case DType::i64:
        return numbers<std::int64_t>();
      case DType::f32:
        return numbers<float>();
      case DType::f64:
        return numbers<double>();
      case DType::bytes:
        return strings();
      case DType::f16:
      case DType::bf16:
        break;
    }
    return Status::invalid_argument("receiving " + std::string(kserve_name(tensor_.dtype)) +
                                    " data via JSON is not supported. Please use the binary data "
                                    "format for input " +
                                    std::string(input_));
  }

 private:
  template <class T>
  Status numbers() {
    std::size_t size = 0;
    if (__builtin_mul_overflow(expected_, sizeof(Stored<T>), &size)) return byte_overflow();
    if (size > limits_.tensor_bytes_max) return too_large(size);
    // Every element takes a character and a comma.
    const std::size_t possible = static_cast<std::size_t>(json_.end() - json_.at()) / 2 + 1;
    const std::size_t room = std::min(expected_, possible);
    if (Status memory = allocate(room * sizeof(Stored<T>)); !memory.ok()) return memory;
    std::byte* out = tensor_.owner->data();
    std::size_t count = 0;
    const char* end = json_.end();
    const Status walked = walk_data([&](const char* at) -> const char* {
      if (count == room) return set(Fault::too_many);
      Stored<T> value{};
      const char* next = Element<T>::read(at, end, value, fault_);
      std::memcpy(out + count * sizeof(value), &value, sizeof(value));
      ++count;
      return next;
    });
    if (!walked.ok()) return walked;
    return finish(count, count * sizeof(Stored<T>));
  }

  Status strings() {
    // Measured first: what a string stands for is never longer than its text.
    JsonCursor measure = json_;
    measure.skip();
    if (!measure.ok()) return measure.status();
    const auto text = static_cast<std::size_t>(measure.at() - json_.at());
    const std::size_t room = std::min(expected_, text / 3 + 1);
    const std::size_t size_max = text + room * sizeof(std::uint32_t);
    if (Status memory = allocate(size_max); !memory.ok()) return memory;
    char* out = reinterpret_cast<char*>(tensor_.owner->data());
    const char* start = out;
    std::size_t count = 0;
    const char* end = json_.end();
    const Status walked = walk_data([&](const char* at) -> const char* {
      if (*at != '"') return set(Fault::element);
      if (count == room) return set(Fault::too_many);
      char* content = out + sizeof(std::uint32_t);
      char* content_end = content;
      const char* next = decode_json_string(at, end, content_end);
      if (!next) return set(Fault::syntax);
      const auto length = static_cast<std::uint32_t>(content_end - content);
      std::memcpy(out, &length, sizeof(length));
      out = content_end;
      ++count;
      return next;
    });
    if (!walked.ok()) return walked;
    const auto size = static_cast<std::size_t>(out - start);
    if (size > limits_.tensor_bytes_max) return too_large(size);
    return finish(count, size);
  }

  template <class ReadElement>
  Status walk_data(const ReadElement& read_element) {
    const char* at = json_.at();
    const char* behind = walk(at, json_.end(), json_.depth_left(), fault_, read_element);
    json_.resume_at(at);
    if (behind) return {};
    return explain(at);
  }

  const char* set(Fault fault) {
    fault_ = fault;
    return nullptr;
  }

  Status explain(const char* at) {
    switch (fault_) {
      case Fault::too_deep:
        return json_too_deep(limits_.json_depth_max);
      case Fault::too_many:
        return Status::internal(
            "Unable to parse 'data': Shape does not match true shape of 'data' field for input '" +
            std::string(input_) + "'");
      case Fault::element:
        return bad_element(at);
      default:
        json_.fail_syntax();
        return json_.status();
    }
  }

  // Only numbers are quoted back: they are short ASCII.
  Status bad_element(const char* at) {
    constexpr std::ptrdiff_t kQuotedMax = 32;
    const char* stop = scan_json_number(at, json_.end());
    std::string got;
    if (stop) got = ", got " + std::string(at, std::min(stop, at + kQuotedMax));
    return Status::invalid_argument(
        "Unable to parse 'data': element at offset " + std::to_string(json_.offset()) +
        " of input '" + std::string(input_) + "' is not " + range_text(tensor_.dtype) + got);
  }

  Status allocate(std::size_t size) {
    tensor_.owner = allocate_buffer(size);
    if (tensor_.owner) return {};
    return Status::resource_exhausted("no memory for input tensors");
  }

  Status finish(std::size_t count, std::size_t size) {
    if (count != expected_) {
      return Status::internal(
          "Failed to parse 'data' field: shape does not match true shape for input '" +
          std::string(input_) + "'");
    }
    tensor_.bytes = writable(tensor_.owner).first(size);
    return {};
  }

  Status too_large(std::size_t size) const {
    return Status::invalid_argument("JSON input '" + std::string(input_) + "' has a byte_size (" +
                                    std::to_string(size) +
                                    " bytes) that exceeds the maximum allowed value of " +
                                    std::to_string(limits_.tensor_bytes_max) +
                                    " bytes. Use --http-max-input-size to increase the limit.");
  }

  Status byte_overflow() const {
    return Status::invalid_argument(
        "byte size overflow for input '" + std::string(input_) + "': element count (" +
        std::to_string(expected_) + ") * data type size (" +
        std::to_string(size_of(tensor_.dtype)) + ") exceeds maximum allowed size (" +
        std::to_string(std::numeric_limits<std::int64_t>::max()) + ")");
  }

  JsonCursor& json_;
  std::string_view input_;
  const DecodeLimits& limits_;
  Tensor& tensor_;
  std::size_t expected_;
  Fault fault_ = Fault::none;
};

}  // namespace

Status read_json_data(JsonCursor& json, std::string_view input, const DecodeLimits& limits,
                      CopyMeter& copies, Tensor& tensor) {
  if (json.peek() != JsonKind::array) {
    return Status::invalid_argument("Unable to parse 'data': input '" + std::string(input) +
                                    "' must have an array");
  }
  Status read = DataReader(json, input, limits, tensor).read();
  if (read.ok()) copies.add(CopySite::json_parse, tensor.bytes.size());
  return read;
}

}  // namespace mlops
