#include "engine/batch_run.h"

#include <algorithm>
#include <functional>

#include "engine/make_response.h"
#include "engine/split_run.h"

namespace mlops {
namespace {

std::int64_t total_rows(std::span<const Part> parts) {
  std::int64_t rows = 0;
  for (const Part& part : parts) rows += part.rows;
  return rows;
}

// Watched outputs are wanted whoever asks: else a column would look missing when nobody did.
void mark_wanted(Lane& lane, std::span<const Part> parts) {
  const bool all = lane.observer || lane.notes || std::ranges::any_of(parts, [](const Part& part) {
                     return part.resolved->outputs.empty();
                   });
  for (OutputSlot& slot : lane.outputs) slot.wanted = all;
  if (all) return;
  for (const Part& part : parts) {
    for (std::uint32_t index : part.resolved->outputs) lane.outputs[index].wanted = true;
  }
}

constexpr std::size_t kOutputAlignment = 64;

std::size_t aligned(std::size_t size) {
  return (size + kOutputAlignment - 1) / kOutputAlignment * kOutputAlignment;
}

// Describes the outputs whose size follows from the row count; returns the bytes that they need.
std::size_t describe_outputs(const LaneContext& context, Lane& lane, std::int64_t rows) {
  const auto& specs = context.info->signature.outputs;
  lane.output_sizes.assign(specs.size(), std::nullopt);
  std::size_t total = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    Tensor& tensor = lane.outputs[i].tensor;
    tensor = Tensor{};
    if (!lane.outputs[i].wanted || !context.sizable_outputs[i]) continue;
    tensor.dtype = specs[i].dtype;
    for (std::int64_t size : specs[i].dims) tensor.shape.push_back(size);
    if (context.info->batchable) tensor.shape.set(0, rows);
    lane.output_sizes[i] = dense_size(tensor.dtype, tensor.shape);
    total += aligned(lane.output_sizes[i].value_or(0));
  }
  return total;
}

// Memory for all preallocated outputs of a run. Small answers use one of a few blocks that the lane
// keeps, once whoever had it is done with it: no lock is taken, and the back end knows the address
// again. Others share one slab; when the pool is empty plain memory will do, because what callers
// keep of their answers is their memory, and must not turn other requests away.
Buffer output_memory(const LaneContext& context, Lane& lane, std::size_t size) {
  if (size > kStagingBytes) {
    Buffer slab = context.slabs->acquire(size);
    return slab ? slab : allocate_buffer(size);
  }
  for (const Buffer& block : lane.small_outputs) {
    // Not much larger than needed: a caller may keep it for long.
    const bool fits = block && block->size() >= size && block->size() <= 2 * size;
    if (fits && block->unique()) return block;
  }
  Buffer& replaced = lane.small_outputs[lane.small_outputs_next++ % lane.small_outputs.size()];
  replaced = allocate_buffer(aligned(size));
  return replaced;
}

void preallocate(const LaneContext& context, Lane& lane, std::int64_t rows) {
  const std::size_t total = describe_outputs(context, lane, rows);
  if (std::ranges::none_of(lane.output_sizes, [](const auto& size) { return size.has_value(); })) {
    return;
  }
  const Buffer memory = output_memory(context, lane, total);
  if (!memory) return;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < lane.output_sizes.size(); ++i) {
    if (!lane.output_sizes[i]) continue;
    Tensor& tensor = lane.outputs[i].tensor;
    tensor.owner = memory;
    tensor.bytes = {memory->data() + offset, *lane.output_sizes[i]};
    offset += aligned(*lane.output_sizes[i]);
  }
}

// A request alone can have more rows than a batch may, where no max_batch_size forbids it.
Status run_model(const LaneContext& context, Lane& lane, const std::function<Status()>& go_on) {
  const std::int64_t rows = total_rows(lane.parts);
  const ModelInfo& info = *context.info;
  if (!info.batchable || lane.parts.size() > 1 || rows <= info.batch_rows_max) {
    return lane.executor->run(lane.inputs, lane.outputs);
  }
  const SplitRun split{rows, info.batch_rows_max, context.slabs, context.copies, go_on};
  Status status = run_split(*lane.executor, split, lane.inputs, lane.outputs);
  if (status.code() != Code::unimplemented) return status;
  preallocate(context, lane, rows);
  return lane.executor->run(lane.inputs, lane.outputs);
}

Status execute(const LaneContext& context, Lane& lane, TimePoint start, ExecutionTimes& times,
               const std::function<Status()>& go_on) {
  const std::span<const Part> parts = lane.parts;
  lane.inputs.clear();
  lane.staging.resize(context.info->signature.inputs.size());
  for (std::size_t i = 0; i < context.info->signature.inputs.size(); ++i) {
    Result<Tensor> input = gather_input(parts, i, lane.staging[i], *context.slabs, *context.copies);
    if (!input.ok()) return input.status();
    lane.inputs.push_back(*std::move(input));
  }
  lane.outputs.resize(context.info->signature.outputs.size());
  mark_wanted(lane, parts);
  preallocate(context, lane, total_rows(parts));
  const TimePoint before = context.clock->now();
  Status status = run_model(context, lane, go_on);
  const TimePoint after = context.clock->now();
  times.input_ns = elapsed_ns(start, before);
  times.infer_ns = elapsed_ns(before, after);
  return status;
}

// Copies the rows for drift statistics; they are counted when the answers are on their way. Rows
// that only keep others in their places are nobody's.
void observe(const LaneContext& context, Lane& lane, std::span<const Job> jobs, TimePoint now) {
  if (!lane.observer) return;
  lane.observed.clear();
  for (const OutputSlot& slot : lane.outputs) {
    lane.observed.push_back(slot.wanted ? &slot.tensor : nullptr);
  }
  const bool by_rows = context.info->has_batch_axis && !lane.inputs.empty();
  const std::size_t rows = by_rows ? static_cast<std::size_t>(lane.inputs.front().shape[0]) : 1;
  ObservedRows seen{lane.inputs, lane.observed, rows, 0, rows};
  if (std::ranges::none_of(jobs, &Job::idle)) {
    lane.observer->observe(seen, now);
    return;
  }
  seen.rows = 1;
  for (; seen.first < rows; ++seen.first) {  // each job is a row here
    if (!jobs[seen.first].idle) lane.observer->observe(seen, now);
  }
}

void note_predictions(Lane& lane, std::span<const Part> parts) {
  if (!lane.notes) return;
  const Tensor& output = lane.outputs[lane.notes->output()].tensor;
  std::size_t first = 0;
  for (const Part& part : parts) {
    const auto rows = static_cast<std::size_t>(part.rows);
    lane.notes->note(*part.request, output, first, rows);
    first += rows;
  }
}

void release_tensors(Lane& lane) {
  lane.inputs.clear();
  for (OutputSlot& slot : lane.outputs) slot.tensor = Tensor{};
  for (std::vector<Tensor>& of_output : lane.shares) of_output.clear();
}

// Every output cut into the parts' rows: lane.shares.
Status share_outputs(const LaneContext& context, Lane& lane) {
  lane.shares.resize(lane.outputs.size());
  for (std::vector<Tensor>& of_output : lane.shares) of_output.clear();
  for (std::size_t i = 0; i < lane.outputs.size(); ++i) {
    if (!lane.outputs[i].wanted) continue;
    Status s = scatter_output(lane.outputs[i].tensor, lane.parts,
                              context.info->signature.outputs[i].name, lane.shares[i]);
    if (!s.ok()) return s;
  }
  return {};
}

// True when the request got the answer and it is a success.
bool answer(const LaneContext& context, Lane& lane, Job& job, Response&& response, TimePoint taken,
            TimePoint now) {
  const TimePoint submitted = job.pending->submitted_at;
  const Code code = response.status.code();
  if (job.pending->timeline) job.pending->timeline->end = context.clock->now();
  response.batch = lane.batch_id;
  if (job.pending->complete(std::move(response)) && code == Code::ok) {
    lane.recorder.success(elapsed_ns(submitted, now), elapsed_ns(submitted, taken),
                          static_cast<std::uint64_t>(job.rows));
    return true;
  }
  if (!job.idle) context.failures->add(job.pending->outcome(), elapsed_ns(submitted, now));
  return false;
}

// What was run: when it began and ended.
struct Ran {
  TimePoint taken;
  TimePoint now;
};

// Nothing is answered, or observed, of a batch that cannot be shared out: it is run again.
Status respond_all(const LaneContext& context, Lane& lane, std::span<Job> jobs, const Ran& ran,
                   std::uint64_t& successes) {
  const auto respond = [&](Job& job, auto tensor_of) {
    Response response = std::move(job.pending->answer_memory);
    make_response(context, job.pending->request, job.resolved, tensor_of, response);
    successes += answer(context, lane, job, std::move(response), ran.taken, ran.now);
  };
  // Before anybody has the answer: whoever has it may give the label at once.
  const auto store_predictions = [&lane] {
    if (lane.notes) lane.notes->store();
  };
  if (jobs.size() == 1) {
    observe(context, lane, jobs, ran.now);
    store_predictions();
    // Not cut: a model without a batch axis may answer with any shape.
    respond(jobs.front(), [&](std::size_t i) { return std::move(lane.outputs[i].tensor); });
    return {};
  }
  if (Status s = share_outputs(context, lane); !s.ok()) return s;
  observe(context, lane, jobs, ran.now);
  store_predictions();
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    respond(jobs[j], [&](std::size_t i) { return std::move(lane.shares[i][j]); });
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
  // Whoever answered it, the deadline's watch among them, has told.
  const auto go_on = [&pending = *jobs.front().pending] {
    return pending.done() ? Status::cancelled("answered while it ran") : Status();
  };
  Status status = execute(context, lane, taken, times, go_on);
  const TimePoint ran = context.clock->now();
  for (const Job& job : jobs) {
    if (!job.pending->timeline) continue;
    static_cast<ComputeTimes&>(*job.pending->timeline) = {
        taken, taken + std::chrono::nanoseconds(times.input_ns), ran, {}};
  }
  std::uint64_t successes = 0;
  if (status.ok()) {
    note_predictions(lane, lane.parts);
    status = respond_all(context, lane, jobs, {taken, ran}, successes);
  }
  release_tensors(lane);
  if (lane.observer) lane.observer->after_reply();
  if (lane.notes && !status.ok()) lane.notes->discard();
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

void run_single(const LaneContext& context, Lane& lane, Request& request, const Resolved& resolved,
                std::int64_t rows, TimePoint started_at, Response& response) {
  lane.parts.assign(1, Part{&request, &resolved, rows});
  ExecutionTimes times;
  const auto in_time = [&] {
    const bool late = request.deadline != kNever && context.clock->now() > request.deadline;
    return late ? Status::deadline_exceeded("the deadline passed while the model ran") : Status();
  };
  Status status = execute(context, lane, started_at, times, in_time);
  if (status.ok()) status = in_time();
  if (status.ok()) {
    observe(context, lane, {}, started_at);
    note_predictions(lane, lane.parts);
    make_response(
        context, request, resolved,
        [&](std::size_t i) { return std::move(lane.outputs[i].tensor); }, response);
    const std::uint64_t total_ns = times.input_ns + times.infer_ns;
    lane.recorder.success(total_ns, 0, static_cast<std::uint64_t>(rows));
    lane.recorder.execution(static_cast<std::uint64_t>(rows), 1, times, true);
    if (lane.notes) lane.notes->store();
  } else {
    context.failures->add(status.code(), times.input_ns + times.infer_ns);
    response = Response::failure(request, std::move(status));
  }
  release_tensors(lane);
}

}  // namespace mlops
