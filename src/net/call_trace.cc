#include "net/call_trace.h"

namespace mlops {

TraceRecord record_of(const CallTrace& trace, const Pending& call, const Response& response,
                      std::string_view protocol) {
  TraceRecord record;
  record.timestamps = trace.level.timestamps;
  record.model = response.model;
  record.version = response.version;
  record.request_id = response.id;
  record.request_start = trace.started;
  record.queue_start = call.submitted_at;
  // A lane may still be at work on a request that was answered without it.
  if (response.status.ok()) record.computed = trace.computed;
  record.request_end = record.send_start = std::chrono::steady_clock::now();
  record.protocol = protocol;
  record.receive_start = trace.received;
  record.status = response.status;
  record.parent = trace.parent;
  if (!trace.level.tensors) return record;
  for (const NamedTensor& input : call.request.inputs) {
    record.tensors.push_back(traced_tensor("TENSOR_QUEUE_INPUT", input));
  }
  for (const NamedTensor& output : response.outputs) {
    record.tensors.push_back(traced_tensor("TENSOR_BACKEND_OUTPUT", output));
  }
  return record;
}

void write_record(TraceSink* sink, TraceRecord&& record) {
  if (!sink) return;
  record.send_end = std::chrono::steady_clock::now();
  sink->write(std::move(record));
}

}  // namespace mlops
