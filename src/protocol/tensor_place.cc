#include "protocol/tensor_place.h"

#include <utility>

#include "protocol/json_fields.h"

namespace mlops {
namespace {

constexpr std::string_view kRegion = "shared_memory_region";
constexpr std::string_view kOffset = "shared_memory_offset";
constexpr std::string_view kByteSize = "shared_memory_byte_size";

Status wrong_type(std::string_view key, std::string_view tensor, std::string_view expected) {
  return Status::invalid_argument("invalid value type for " + in_quotes(key) +
                                  " parameter for tensor " + in_quotes(tensor) + ", expected " +
                                  std::string(expected) + ".");
}

// int64 parameters that must not be negative.
Status read_size(const WireParameter& parameter, std::string_view tensor, std::uint64_t& out) {
  const auto* number = std::get_if<std::int64_t>(&parameter.value);
  if (!number) return wrong_type(parameter.name, tensor, "int64_param");
  if (*number < 0) {
    return Status::invalid_argument("invalid value for " + in_quotes(parameter.name) +
                                    " parameter for tensor " + in_quotes(tensor) +
                                    ", expected value >= 0.");
  }
  out = static_cast<std::uint64_t>(*number);
  return {};
}

}  // namespace

bool PlaceReader::read(JsonCursor& json, std::string_view key, Status& status) {
  if (key == kRegion) {
    if (json.peek() != JsonKind::string) {
      status = unable_to_parse(kRegion, "expected a string");
      return true;
    }
    if (!place_) place_ = std::exchange(waiting_, {});
    place_->region = json.string();
    status = json.status();
    return true;
  }
  if (key != kOffset && key != kByteSize) return false;
  const bool offset = key == kOffset;
  std::size_t value = 0;
  status = read_json_unsigned(json, offset ? kOffset : kByteSize, value);
  (offset ? target().offset : target().byte_size) = value;
  return true;
}

Status read_place(std::string_view tensor, const std::vector<WireParameter>& parameters,
                  std::optional<SharedPlace>& place) {
  SharedPlace read;
  bool has_region = false;
  bool has_size = false;
  std::string_view other;
  for (const WireParameter& parameter : parameters) {
    Status status;
    if (parameter.name == kRegion) {
      const auto* name = std::get_if<std::string_view>(&parameter.value);
      if (!name) return wrong_type(kRegion, tensor, "string_param");
      read.region = *name;
      has_region = true;
    } else if (parameter.name == kOffset) {
      other = kOffset;
      status = read_size(parameter, tensor, read.offset);
    } else if (parameter.name == kByteSize) {
      other = kByteSize;
      has_size = true;
      status = read_size(parameter, tensor, read.byte_size);
    }
    if (!status.ok()) return status;
  }
  if (has_region && !has_size) {
    return Status::invalid_argument(in_quotes(kByteSize) + " must be specified along with " +
                                    in_quotes(kRegion) + " parameter for tensor " +
                                    in_quotes(tensor));
  }
  if (!has_region && !other.empty()) {
    return Status::invalid_argument(in_quotes(other) + " can not be specified without " +
                                    in_quotes(kRegion) + " parameter for tensor " +
                                    in_quotes(tensor));
  }
  if (has_region) place = std::move(read);
  return {};
}

Status attach_shared_input(SharedMemory* memory, const SharedPlace& place, Request& request,
                           NamedTensor& input) {
  if (!memory) return unknown_region(place.region);
  Buffer in_use;
  Result<Buffer> bytes = memory->read(place, in_use);
  if (!bytes.ok()) return bytes.status();
  input.tensor.bytes = writable(*bytes).first(place.byte_size);
  input.tensor.owner = *std::move(bytes);
  request.keep_alive.push_back(std::move(in_use));
  return {};
}

}  // namespace mlops
