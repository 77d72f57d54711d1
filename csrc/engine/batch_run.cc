#include "engine/batch_run.h"

#include <algorithm>

#include "engine/make_response.h"

namespace mlops {
namespace {

std::int64_t total_rows(std::span<const Part> parts) {
  std::int64_t rows = 0;
  for (const Part& part : parts) rows += part.rows;
  return rows;
}

void mark_wanted(Lane& lane, std::span<const Part> parts) {
  const bool all =
      std::ranges::any_of(parts, [](const Part& part) { return part.resolved->outputs.empty(); });
  for (OutputSlot& slot : lane.outputs) slot.wanted = all;
  if (all) return;
  for (const Part& part : parts) {
    for (std::uint32_t index : part.resolved->outputs) lane.outputs[index].wanted = true;
  }
}

// Outputs whose size follows from the row count get a slab, so the back end allocates nothing. When
// the pool is empty plain memory will do: what callers keep of their answers is their memory, and
// must not turn other requests away.
void preallocate(const LaneContext& context, Lane& lane, std::int64_t rows) {
  const auto& specs = context.info->signature.outputs;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    Tensor& tensor = lane.outputs[i].tensor;
    tensor = Tensor{};
    if (!lane.outputs[i].wanted || !context.sizable_outputs[i]) continue;
    tensor.dtype = specs[i].dtype;
    for (std::int64_t size : specs[i].dims) tensor.shape.push_back(size);
    if (context.info->batchable) tensor.shape.set(0, rows);
    const auto size = dense_size(tensor.dtype, tensor.shape);
    if (!size) continue;
    tensor.owner = context.slabs->acquire(*size);
    if (!tensor.owner) tensor.owner = allocate_buffer(*size);
    if (tensor.owner) tensor.bytes = {tensor.owner->data(), *size};
  }
}

Status execute(const LaneContext& context, Lane& lane, TimePoint start, ExecutionTimes& times) {
  const std::span<const Part> parts = lane.parts;
  lane.inputs.clear();
  for (std::size_t i = 0; i < context.info->signature.inputs.size(); ++i) {
    Result<Tensor> input = gather_input(parts, i, *context.slabs, *context.copies);
    if (!input.ok()) return input.status();
    lane.inputs.push_back(*std::move(input));
  }
  lane.outputs.resize(context.info->signature.outputs.size());
  mark_wanted(lane, parts);
  preallocate(context, lane, total_rows(parts));
  const TimePoint before = context.clock->now();
  Status status = lane.executor->run(lane.inputs, lane.outputs);
  const TimePoint after = context.clock->now();
  times.input_ns = elapsed_ns(start, before);
  times.infer_ns = elapsed_ns(before, after);
  return status;
}

void release_tensors(Lane& lane) {
  lane.inputs.clear();
  for (OutputSlot& slot : lane.outputs) slot.tensor = Tensor{};
}

// Every output cut into the parts' rows: shares[output][part].
Status share_outputs(const LaneContext& context, Lane& lane,
                     std::vector<std::vector<Tensor>>& shares) {
  shares.resize(lane.outputs.size());
  for (std::size_t i = 0; i < lane.outputs.size(); ++i) {
    if (!lane.outputs[i].wanted) continue;
    Status s = scatter_output(lane.outputs[i].tensor, lane.parts,
                              context.info->signature.outputs[i].name, shares[i]);
    if (!s.ok()) return s;
  }
  return {};
}

// True when the request got the answer and it is a success.
bool answer(const LaneContext& context, Lane& lane, Job& job, Response&& response, TimePoint taken,
            TimePoint now) {
  const TimePoint submitted = job.pending->submitted_at;
  const Code code = response.status.code();
  if (job.pending->complete(std::move(response)) && code == Code::ok) {
    lane.recorder.success(elapsed_ns(submitted, now), elapsed_ns(submitted, taken),
                          static_cast<std::uint64_t>(job.rows));
    return true;
  }
  if (!job.idle) context.failures->add(job.pending->outcome(), elapsed_ns(submitted, now));
  return false;
}

Status respond_all(const LaneContext& context, Lane& lane, std::span<Job> jobs, TimePoint taken,
                   TimePoint now, std::uint64_t& successes) {
  if (jobs.size() == 1) {
    // Not cut: a model without a batch axis may answer with any shape.
    Job& job = jobs.front();
    successes +=
        answer(context, lane, job,
               make_response(context, job.pending->request, job.resolved,
                             [&](std::size_t i) { return std::move(lane.outputs[i].tensor); }),
               taken, now);
    return {};
  }
  std::vector<std::vector<Tensor>> shares;
  if (Status s = share_outputs(context, lane, shares); !s.ok()) return s;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    successes += answer(context, lane, jobs[j],
                        make_response(context, jobs[j].pending->request, jobs[j].resolved,
                                      [&](std::size_t i) { return std::move(shares[i][j]); }),
                        taken, now);
  }
  return {};
}

}  // namespace

Duration run_batch(const LaneContext& context, Lane& lane, std::span<Job> jobs, bool inline_run) {
  const TimePoint taken = context.clock->now();
  lane.parts.clear();
  for (const Job& job : jobs) {
    lane.parts.push_back({&job.pending->request, &job.resolved, job.rows});
  }
  const auto rows = static_cast<std::uint64_t>(total_rows(lane.parts));
  ExecutionTimes times;
  Status status = execute(context, lane, taken, times);
  const TimePoint ran = context.clock->now();
  std::uint64_t successes = 0;
  if (status.ok()) status = respond_all(context, lane, jobs, taken, ran, successes);
  release_tensors(lane);
  Duration spent{times.infer_ns};
  if (status.ok()) {
    times.output_ns = elapsed_ns(ran, context.clock->now());
    lane.recorder.execution(rows, successes, times, inline_run);
  } else if (jobs.size() == 1 || !context.repeatable) {
    for (Job& job : jobs) {
      answer(context, lane, job, Response::failure(job.pending->request, status), taken, ran);
    }
  } else {
    const std::size_t half = jobs.size() / 2;
    spent += run_batch(context, lane, jobs.first(half), inline_run);
    spent += run_batch(context, lane, jobs.subspan(half), inline_run);
  }
  return spent;
}

Response run_single(const LaneContext& context, Lane& lane, Request& request,
                    const Resolved& resolved, std::int64_t rows, TimePoint started_at) {
  lane.parts.assign(1, Part{&request, &resolved, rows});
  ExecutionTimes times;
  Status status = execute(context, lane, started_at, times);
  if (status.ok() && request.deadline != kNever && context.clock->now() > request.deadline) {
    status = Status::deadline_exceeded("the deadline passed while the model ran");
  }
  Response response;
  if (status.ok()) {
    response = make_response(context, request, resolved,
                             [&](std::size_t i) { return std::move(lane.outputs[i].tensor); });
    const std::uint64_t total_ns = times.input_ns + times.infer_ns;
    lane.recorder.success(total_ns, 0, static_cast<std::uint64_t>(rows));
    lane.recorder.execution(static_cast<std::uint64_t>(rows), 1, times, true);
  } else {
    context.failures->add(status.code(), times.input_ns + times.infer_ns);
    response = Response::failure(request, std::move(status));
  }
  release_tensors(lane);
  return response;
}

}  // namespace mlops
