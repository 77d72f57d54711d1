#include "protocol/shared_memory.h"

#include "protocol/json_fields.h"
#include "protocol/json_writer.h"
#include "protocol/utf8.h"

namespace mlops {
namespace {

Status no_field(std::string_view field) {
  return Status::invalid_argument("Shared memory register request has no '" + std::string(field) +
                                  "' field");
}

Status not_utf8() { return Status::invalid_argument("the request JSON is not UTF-8"); }

}  // namespace

Status unknown_region(std::string_view name) {
  return Status::not_found("Unable to find system shared memory region: " +
                           in_quotes(name.substr(0, 256)));
}

Status shared_memory_disabled() {
  return Status::unimplemented(
      "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to "
      "enable.");
}

Status no_cuda_region(std::string_view name) {
  return Status::invalid_argument("failed to register CUDA shared memory region: " +
                                  in_quotes(name.substr(0, 256)) + ", GPUs not supported");
}

Result<SharedRegion> parse_shared_registration(std::string_view name, std::string_view body) {
  if (!is_utf8(body)) return not_utf8();
  SharedRegion region;
  region.name = name;
  bool has_key = false;
  bool has_offset = false;
  bool has_size = false;
  JsonCursor json(body.empty() ? std::string_view("{}") : body, kSettingsDepthMax);
  std::string_view field;
  for (json.enter_object(); json.next_key(field);) {
    Status read;
    if (field == "key") {
      read = first_time(has_key, "key");
      if (read.ok() && json.peek() != JsonKind::string) {
        read = unable_to_parse("key", "expected a string");
      }
      if (read.ok()) region.key = json.string();
    } else if (field == "offset") {
      read = first_time(has_offset, "offset");
      if (read.ok()) read = read_json_unsigned(json, "offset", region.offset);
    } else if (field == "byte_size") {
      read = first_time(has_size, "byte_size");
      if (read.ok()) read = read_json_unsigned(json, "byte_size", region.byte_size);
    } else {
      json.skip();
    }
    if (!read.ok()) return read;
  }
  json.finish();
  if (!json.ok()) return json.status();
  if (!has_key) return no_field("key");
  if (!has_size) return no_field("byte_size");
  return region;
}

Status check_cuda_registration(std::string_view name, std::string_view body) {
  if (!is_utf8(body)) return not_utf8();
  bool has_handle = false;
  JsonCursor json(body.empty() ? std::string_view("{}") : body, kSettingsDepthMax);
  std::string_view field;
  for (json.enter_object(); json.next_key(field);) {
    has_handle |= field == "raw_handle";
    json.skip();
  }
  json.finish();
  if (!json.ok()) return json.status();
  return has_handle ? no_cuda_region(name) : no_field("raw_handle");
}

std::string shared_status_json(std::span<const SharedRegion> regions) {
  JsonWriter json;
  json.array();
  for (const SharedRegion& region : regions) {
    json.object().key("name").string(region.name).key("key").string(region.key);
    json.key("offset").integer(static_cast<std::int64_t>(region.offset));
    json.key("byte_size").integer(static_cast<std::int64_t>(region.byte_size)).end_object();
  }
  json.end_array();
  return json.take();
}

}  // namespace mlops
