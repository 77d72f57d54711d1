#include "engine/split_run.h"

#include <cstring>
#include <utility>
#include <vector>

#include "batch/gather.h"

namespace mlops {
namespace {

Status differ() {
  return Status::unimplemented("the outputs of its runs differ in more than their rows");
}

// An output while its rows come in.
class JoinedOutput {
 public:
  JoinedOutput(OutputSlot& whole, const SplitRun& split) : whole_(whole), split_(split) {
    rest_ = whole.tensor;
  }

  // Where the next run's rows go; without memory when that is not known.
  Status next(std::int64_t rows, OutputSlot& slot) {
    slot = OutputSlot{whole_.wanted, {}};
    expected_ = Tensor{};
    if (!whole_.wanted || !whole_.tensor.owner) return {};
    Result<Tensor> part = cut_rows(rest_, rows);
    if (!part.ok()) return part.status();
    expected_ = *part;
    slot.tensor = *std::move(part);
    return {};
  }

  Status take(std::int64_t rows, Tensor&& made) {
    if (!whole_.wanted) return {};
    if (made.shape.rank() == 0 || made.shape[0] != rows) return differ();
    if (!expected_.owner) {
      if (!parts_.empty() && !fits(parts_.front(), made)) return differ();
      parts_.push_back(std::move(made));
      return {};
    }
    if (!fits(expected_, made) || made.bytes.size() != expected_.bytes.size()) return differ();
    if (made.bytes.data() != expected_.bytes.data() && !made.bytes.empty()) {
      // The view is const because most holders only read; the preallocated memory is ours to fill.
      std::memcpy(const_cast<std::byte*>(expected_.bytes.data()), made.bytes.data(),
                  made.bytes.size());
      split_.copies->add(CopySite::gather, made.bytes.size());
    }
    return {};
  }

  Status finish() {
    if (!whole_.wanted || whole_.tensor.owner) return {};
    std::size_t size = 0;
    for (const Tensor& part : parts_) size += part.bytes.size();
    Tensor& tensor = whole_.tensor;
    tensor.dtype = parts_.front().dtype;
    tensor.shape = parts_.front().shape;
    tensor.shape.set(0, split_.rows);
    tensor.owner = split_.slabs->acquire(size);
    if (!tensor.owner) tensor.owner = allocate_buffer(size);
    if (!tensor.owner) return Status::resource_exhausted("no memory for an output");
    std::byte* to = tensor.owner->data();
    for (const Tensor& part : parts_) {
      if (!part.bytes.empty()) std::memcpy(to, part.bytes.data(), part.bytes.size());
      to += part.bytes.size();
    }
    tensor.bytes = {tensor.owner->data(), size};
    split_.copies->add(CopySite::gather, size);
    parts_.clear();
    return {};
  }

 private:
  static bool fits(const Tensor& a, const Tensor& b) {
    if (a.dtype != b.dtype || a.shape.rank() != b.shape.rank()) return false;
    for (std::size_t axis = 1; axis < a.shape.rank(); ++axis) {
      if (a.shape[axis] != b.shape[axis]) return false;
    }
    return true;
  }

  OutputSlot& whole_;
  const SplitRun& split_;
  Tensor rest_;      // rows that are still to come
  Tensor expected_;  // where the rows of this run should be
  std::vector<Tensor> parts_;
};

Status run_part(Executor& executor, std::int64_t rows, std::vector<Tensor>& rest,
                std::vector<JoinedOutput>& joined) {
  std::vector<Tensor> inputs;
  for (Tensor& input : rest) {
    Result<Tensor> part = cut_rows(input, rows);
    if (!part.ok()) return part.status();
    inputs.push_back(*std::move(part));
  }
  std::vector<OutputSlot> slots(joined.size());
  for (std::size_t i = 0; i < joined.size(); ++i) {
    if (Status s = joined[i].next(rows, slots[i]); !s.ok()) return s;
  }
  if (Status s = executor.run(inputs, slots); !s.ok()) return s;
  for (std::size_t i = 0; i < joined.size(); ++i) {
    if (Status s = joined[i].take(rows, std::move(slots[i].tensor)); !s.ok()) return s;
  }
  return {};
}

}  // namespace

Status run_split(Executor& executor, const SplitRun& split, std::span<const Tensor> inputs,
                 std::span<OutputSlot> outputs) {
  const std::int64_t runs = (split.rows + split.rows_max - 1) / split.rows_max;
  std::vector<Tensor> rest(inputs.begin(), inputs.end());
  std::vector<JoinedOutput> joined;
  joined.reserve(outputs.size());
  for (OutputSlot& output : outputs) joined.emplace_back(output, split);
  std::int64_t left = split.rows;
  for (std::int64_t run = 0; run < runs; ++run) {
    if (run > 0) {
      if (Status s = split.go_on(); !s.ok()) return s;
    }
    const std::int64_t rows = (left + runs - run - 1) / (runs - run);
    if (Status s = run_part(executor, rows, rest, joined); !s.ok()) return s;
    left -= rows;
  }
  for (JoinedOutput& output : joined) {
    if (Status s = output.finish(); !s.ok()) return s;
  }
  return {};
}

}  // namespace mlops
