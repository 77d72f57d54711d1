#include "protocol/grpc_contents.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

namespace mlops {
namespace {

// Fields of InferTensorContents.
enum Field : std::uint32_t {
  kBool = 1,
  kInt = 2,
  kInt64 = 3,
  kUint = 4,
  kUint64 = 5,
  kFp32 = 6,
  kFp64 = 7,
  kBytes = 8,
};
constexpr std::uint32_t kFieldMax = kBytes;

constexpr std::array<const char*, kFieldMax + 1> kFieldNames = {"",
                                                                "bool_contents",
                                                                "int_contents",
                                                                "int64_contents",
                                                                "uint_contents",
                                                                "uint64_contents",
                                                                "fp32_contents",
                                                                "fp64_contents",
                                                                "bytes_contents"};

// 0 when the type has no typed form.
std::uint32_t field_of(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return kBool;
    case DType::i8:
    case DType::i16:
    case DType::i32:
      return kInt;
    case DType::i64:
      return kInt64;
    case DType::u8:
    case DType::u16:
    case DType::u32:
      return kUint;
    case DType::u64:
      return kUint64;
    case DType::f32:
      return kFp32;
    case DType::f64:
      return kFp64;
    case DType::bytes:
      return kBytes;
    case DType::f16:
    case DType::bf16:
      return 0;
  }
  return 0;
}

Wire element_wire(std::uint32_t field) {
  if (field == kFp32) return Wire::fixed32;
  if (field == kFp64) return Wire::fixed64;
  return field == kBytes ? Wire::bytes : Wire::varint;
}

// Calls on_run(bytes) for a packed run and on_element(reader) for a lone element of `field`; other
// fields are validated and counted. False when malformed.
template <class OnRun, class OnElement>
bool walk(WireReader reader, const OnRun& on_run, const OnElement& on_element) {
  while (reader.next()) {
    const std::uint32_t field = reader.tag() >> 3;
    if (field > kFieldMax) {
      reader.skip();
    } else if (reader.wire() == element_wire(field)) {
      on_element(field, reader);
    } else if (reader.wire() == Wire::bytes) {
      if (!on_run(field, reader.bytes())) reader.fail();
    } else {
      reader.skip();
    }
  }
  return reader.ok();
}

struct Census {
  std::array<std::size_t, kFieldMax + 1> elements{};
  std::size_t runs = 0;          // packed runs with elements, all fields
  std::size_t string_bytes = 0;  // of bytes_contents, without prefixes
  std::span<const std::byte> last_run;
};

// Elements in a packed run; nullopt when it is malformed.
std::optional<std::size_t> count_run(std::uint32_t field, std::span<const std::byte> run) {
  if (const Wire wire = element_wire(field); wire != Wire::varint) {
    const std::size_t width = wire == Wire::fixed32 ? 4 : 8;
    return run.size() % width == 0 ? std::optional(run.size() / width) : std::nullopt;
  }
  WireReader reader(run);
  std::size_t count = 0;
  for (; !reader.done(); ++count) reader.varint();
  return reader.ok() ? std::optional(count) : std::nullopt;
}

bool take_census(const WireReader& piece, Census& census) {
  return walk(
      piece,
      [&](std::uint32_t field, std::span<const std::byte> run) {
        const auto count = count_run(field, run);
        if (!count) return false;
        if (*count == 0) return true;
        census.elements[field] += *count;
        census.last_run = run;
        ++census.runs;
        return true;
      },
      [&](std::uint32_t field, WireReader& reader) {
        if (field == kBytes) {
          census.string_bytes += reader.bytes().size();
        } else {
          reader.skip();
        }
        ++census.elements[field];
      });
}

// Appends to a buffer that the census has sized.
class Writer {
 public:
  Writer(DType dtype, std::byte* out) : dtype_(dtype), out_(out) {}

  bool in_range() const { return in_range_; }

  template <class T>
  void put(T value) {
    std::memcpy(out_, &value, sizeof(T));
    out_ += sizeof(T);
  }
  void put_string(std::span<const std::byte> element) {
    put(static_cast<std::uint32_t>(element.size()));
    if (!element.empty()) std::memcpy(out_, element.data(), element.size());
    out_ += element.size();
  }
  void put_bytes(std::span<const std::byte> dense) {
    if (!dense.empty()) std::memcpy(out_, dense.data(), dense.size());
    out_ += dense.size();
  }
  void put_varint(std::uint64_t raw) {
    switch (dtype_) {
      case DType::boolean:
        return put(static_cast<std::uint8_t>(raw != 0));
      case DType::i8:
        return narrow<std::int8_t>(static_cast<std::int32_t>(raw));
      case DType::i16:
        return narrow<std::int16_t>(static_cast<std::int32_t>(raw));
      case DType::i32:
        return put(static_cast<std::int32_t>(raw));
      case DType::u8:
        return narrow<std::uint8_t>(static_cast<std::uint32_t>(raw));
      case DType::u16:
        return narrow<std::uint16_t>(static_cast<std::uint32_t>(raw));
      case DType::u32:
        return put(static_cast<std::uint32_t>(raw));
      default:
        return put(raw);
    }
  }

 private:
  template <class T, class Wide>
  void narrow(Wide value) {
    const auto small = static_cast<T>(value);
    in_range_ = in_range_ && static_cast<Wide>(small) == value;
    put(small);
  }

  DType dtype_;
  std::byte* out_;
  bool in_range_ = true;
};

void write_piece(const WireReader& piece, std::uint32_t wanted, Writer& writer) {
  walk(
      piece,
      [&](std::uint32_t field, std::span<const std::byte> run) {
        if (field != wanted) return true;
        if (element_wire(field) != Wire::varint) {
          writer.put_bytes(run);
          return true;
        }
        for (WireReader reader(run); !reader.done();) writer.put_varint(reader.varint());
        return true;
      },
      [&](std::uint32_t field, WireReader& reader) {
        if (field != wanted) return reader.skip();
        if (field == kBytes) return writer.put_string(reader.bytes());
        if (field == kFp32) return writer.put(reader.fixed<std::uint32_t>());
        if (field == kFp64) return writer.put(reader.fixed<std::uint64_t>());
        writer.put_varint(reader.varint());
      });
}

Status check_field(const Census& census, std::string_view input, DType dtype) {
  const std::string name = "'" + std::string(input) + "'";
  const std::uint32_t wanted = field_of(dtype);
  if (wanted == 0) {
    return Status::invalid_argument("input " + name + " of type " +
                                    std::string(kserve_name(dtype)) +
                                    " must be sent in raw_input_contents");
  }
  for (std::uint32_t field = 1; field <= kFieldMax; ++field) {
    if (field == wanted || census.elements[field] == 0) continue;
    return Status::invalid_argument("unexpected explicit tensor data for input tensor " + name +
                                    ": " + kFieldNames[field] + " given, but datatype " +
                                    std::string(kserve_name(dtype)) + " is sent in " +
                                    kFieldNames[wanted]);
  }
  return {};
}

}  // namespace

Status read_grpc_contents(std::span<const WireReader> pieces, std::string_view input,
                          const DecodeLimits& limits, CopyMeter& copies, Tensor& tensor) {
  Census census;
  for (const WireReader& piece : pieces) {
    if (!take_census(piece, census)) {
      return Status::invalid_argument("malformed ModelInferRequest: contents of an input");
    }
  }
  if (Status fits = check_field(census, input, tensor.dtype); !fits.ok()) return fits;

  const std::uint32_t wanted = field_of(tensor.dtype);
  const std::size_t count = census.elements[wanted];
  const std::size_t width =
      tensor.dtype == DType::bytes ? sizeof(std::uint32_t) : size_of(tensor.dtype);
  const std::size_t size = count * width + census.string_bytes;
  if (size > limits.tensor_bytes_max) {
    return Status::invalid_argument("contents of input '" + std::string(input) + "' take " +
                                    std::to_string(size) + " bytes, more than the " +
                                    std::to_string(limits.tensor_bytes_max) + " allowed");
  }
  if (size == 0) return {};
  if (census.runs == 1 && census.last_run.size() == size && element_wire(wanted) != Wire::varint) {
    tensor.bytes = census.last_run;
    return {};
  }
  tensor.owner = allocate_buffer(size);
  if (!tensor.owner) return Status::resource_exhausted("no memory for input tensors");
  Writer writer(tensor.dtype, tensor.owner->data());
  for (const WireReader& piece : pieces) write_piece(piece, wanted, writer);
  if (!writer.in_range()) {
    return Status::invalid_argument("a value of input '" + std::string(input) +
                                    "' does not fit its datatype " +
                                    std::string(kserve_name(tensor.dtype)));
  }
  tensor.bytes = writable(tensor.owner);
  copies.add(CopySite::grpc_contents, size);
  return {};
}

}  // namespace mlops
