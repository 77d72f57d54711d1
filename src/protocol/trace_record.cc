#include "protocol/trace_record.h"

#include "protocol/json_writer.h"

namespace mlops {
namespace {

void write_step(JsonWriter& json, const char* name, TimePoint at) {
  if (at == TimePoint{}) return;
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch());
  json.object().key("name").string(name).key("ns").integer(since.count()).end_object();
}

}  // namespace

std::string trace_json(std::uint64_t id, const TraceRecord& record) {
  const auto number = static_cast<std::int64_t>(id);
  JsonWriter request;
  request.object().key("id").integer(number).key("model_name").string(record.model);
  request.key("model_version").integer(record.version);
  request.key("request_id").string(record.request_id).end_object();
  JsonWriter steps;
  steps.object().key("id").integer(number).key("timestamps").array();
  write_step(steps, "REQUEST_START", record.request_start);
  write_step(steps, "QUEUE_START", record.queue_start);
  write_step(steps, "COMPUTE_START", record.computed.start);
  write_step(steps, "COMPUTE_INPUT_END", record.computed.input_end);
  write_step(steps, "COMPUTE_OUTPUT_START", record.computed.output_start);
  write_step(steps, "COMPUTE_END", record.computed.end);
  write_step(steps, "REQUEST_END", record.request_end);
  steps.end_array().end_object();
  return request.take() + "," + steps.take();
}

}  // namespace mlops
