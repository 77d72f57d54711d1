#include "protocol/trace_record.h"

#include "protocol/json_writer.h"

namespace mlops {
namespace {

void write_step(JsonWriter& json, const char* name, TimePoint at) {
  if (at == TimePoint{}) return;
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch());
  json.object().key("name").string(name).key("ns").integer(since.count()).end_object();
}

void write_model(JsonWriter& json, std::uint64_t id, const std::string& model, std::int64_t version,
                 const std::string& request_id) {
  json.object().key("id").integer(static_cast<std::int64_t>(id)).key("model_name").string(model);
  json.key("model_version").integer(version).key("request_id").string(request_id);
}

std::string steps_json(std::uint64_t id, TimePoint start, TimePoint queued,
                       const ComputeTimes& computed, TimePoint end) {
  JsonWriter json;
  json.object().key("id").integer(static_cast<std::int64_t>(id)).key("timestamps").array();
  write_step(json, "REQUEST_START", start);
  write_step(json, "QUEUE_START", queued);
  write_step(json, "COMPUTE_START", computed.start);
  write_step(json, "COMPUTE_INPUT_END", computed.input_end);
  write_step(json, "COMPUTE_OUTPUT_START", computed.output_start);
  write_step(json, "COMPUTE_END", computed.end);
  write_step(json, "REQUEST_END", end);
  json.end_array().end_object();
  return json.take();
}

std::string tensor_json(std::uint64_t id, const TracedTensor& tensor) {
  JsonWriter json;
  json.object().key("id").integer(static_cast<std::int64_t>(id));
  json.key("activity").string(tensor.activity).key("tensor").object();
  json.key("name").string(tensor.name).key("data").string(tensor.data);
  json.key("shape").string(tensor.shape).key("dtype").string(tensor.dtype);
  // Ours: Triton writes tensors of any size.
  if (tensor.omitted > 0) json.key("omitted").integer(static_cast<std::int64_t>(tensor.omitted));
  json.end_object().end_object();
  return json.take();
}

}  // namespace

std::string trace_json(std::uint64_t& next_id, const TraceRecord& record) {
  const std::uint64_t id = next_id++;
  JsonWriter request;
  write_model(request, id, record.model, record.version, record.request_id);
  request.end_object();
  std::string text = request.take();
  if (record.timestamps) {
    text += "," + steps_json(id, record.request_start, record.queue_start, record.computed,
                             record.request_end);
  }
  for (const MemberTimes& member : record.computed.members) {
    const std::uint64_t own = next_id++;
    JsonWriter json;
    write_model(json, own, member.model, member.version, record.request_id);
    const std::uint64_t parent = member.within ? id + 1 + *member.within : id;
    json.key("parent_id").integer(static_cast<std::int64_t>(parent)).end_object();
    text += "," + json.take();
    if (!record.timestamps) continue;
    text +=
        "," + steps_json(own, member.submitted, member.submitted, member.computed, member.ended);
  }
  for (const TracedTensor& tensor : record.tensors) text += "," + tensor_json(id, tensor);
  return text;
}

}  // namespace mlops
