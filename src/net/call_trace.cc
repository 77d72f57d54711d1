#include "net/call_trace.h"

#include <algorithm>
#include <iterator>

namespace mlops {

void CallTrace::add_part(const Response& part) {
  if (!level.tensors) return;
  for (const NamedTensor& output : part.outputs) {
    if (part_outputs.size() >= kTracedPartTensorsMax || part_bytes >= kTracedPartBytesMax) return;
    part_outputs.push_back(traced_tensor("TENSOR_BACKEND_OUTPUT", output));
    part_bytes += part_outputs.back().data.size() + part_outputs.back().name.size();
  }
}

TraceRecord record_of(CallTrace& trace, const Pending& call, const Response& response,
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
  std::ranges::move(trace.part_outputs, std::back_inserter(record.tensors));
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
