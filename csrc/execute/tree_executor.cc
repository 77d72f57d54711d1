#include "execute/tree_executor.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "execute/builtin_parts.h"
#include "tensor/byte_strings.h"

namespace mlops {

TreeExecutor::TreeExecutor(const TreePredictor& predictor, const TreeTensors& tensors,
                           std::unique_ptr<TreePredictor::Session> session)
    : predictor_(predictor),
      tensors_(tensors),
      session_(std::move(session)),
      scores_(kTileRows * predictor.forest().targets),
      classes_(kTileRows) {}

Result<std::unique_ptr<Executor>> TreeExecutor::make(const TreePredictor& predictor,
                                                     const TreeTensors& tensors) {
  try {
    Result<std::unique_ptr<TreePredictor::Session>> session = predictor.make_session();
    if (!session.ok()) return session.status();
    return std::unique_ptr<Executor>(new TreeExecutor(predictor, tensors, *std::move(session)));
  } catch (const std::bad_alloc&) {
    return Status::resource_exhausted("no memory for one more executor");
  }
}

Status TreeExecutor::run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) {
  if (inputs.size() != 1 || outputs.size() != tensors_.outputs.size() ||
      inputs[0].shape.rank() != 2 || inputs[0].dtype != DType::f32) {
    return Status::internal("a tree model was run with the wrong tensors");
  }
  if (std::cmp_less(inputs[0].shape[1], predictor_.forest().features)) {
    return Status::invalid_argument("a row has " + std::to_string(inputs[0].shape[1]) +
                                    " values; the model's trees read " +
                                    std::to_string(predictor_.forest().features));
  }
  try {
    return run_rows(inputs[0], outputs);
  } catch (const std::bad_alloc&) {
    return Status::resource_exhausted("out of memory while running the model");
  }
}

Status TreeExecutor::run_rows(const Tensor& input, std::span<OutputSlot> outputs) {
  const auto rows = static_cast<std::size_t>(input.shape[0]);
  const auto width = static_cast<std::size_t>(input.shape[1]);
  if (Status s = make_room(outputs, input.shape[0]); !s.ok()) return s;
  const bool aligned = reinterpret_cast<std::uintptr_t>(input.bytes.data()) % alignof(float) == 0;
  const bool copied = !aligned || !tensors_.steps.empty();
  if (copied) rows_.resize(kTileRows * width);
  names_.clear();
  for (std::size_t first = 0; first < rows; first += kTileRows) {
    if (interrupted_.load(std::memory_order_relaxed)) {
      return Status::cancelled("the model was interrupted");
    }
    const std::size_t count = std::min(kTileRows, rows - first);
    const std::byte* bytes = input.bytes.data() + first * width * sizeof(float);
    if (copied) std::memcpy(rows_.data(), bytes, count * width * sizeof(float));
    for (const RowStep& step : tensors_.steps) step.apply(rows_.data(), count, width);
    const float* at = copied ? rows_.data() : reinterpret_cast<const float*>(bytes);
    session_->run({at, count, width}, {scores_.data(), classes_.data()});
    give_tile(outputs, first, count);
  }
  for (std::size_t i = 0; has_names() && i < outputs.size(); ++i) {
    if (!outputs[i].wanted || tensors_.outputs[i] != TreeOutput::classes) continue;
    if (Status s = give_names(outputs[i], input.shape[0]); !s.ok()) return s;
  }
  return {};
}

Status TreeExecutor::give_names(OutputSlot& output, std::int64_t rows) const {
  std::byte* room = output_room(output.tensor, DType::bytes, Shape{rows}, names_.size());
  if (!room) return Status::resource_exhausted("no memory for an output of the tree model");
  std::memcpy(room, names_.data(), names_.size());
  return {};
}

Status TreeExecutor::make_room(std::span<OutputSlot> outputs, std::int64_t rows) {
  const auto targets = static_cast<std::int64_t>(predictor_.forest().targets);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].wanted) continue;
    const bool classes = tensors_.outputs[i] == TreeOutput::classes;
    if (classes && has_names()) continue;  // their size is known when they are
    const Shape shape = classes ? Shape{rows} : Shape{rows, targets};
    const DType dtype = classes ? DType::i64 : DType::f32;
    const std::optional<std::size_t> size = dense_size(dtype, shape);
    if (!size || !output_room(outputs[i].tensor, dtype, shape, *size)) {
      return Status::resource_exhausted("no memory for an output of the tree model");
    }
  }
  return {};
}

void TreeExecutor::give_tile(std::span<OutputSlot> outputs, std::size_t first, std::size_t count) {
  const Forest& forest = predictor_.forest();
  for (std::size_t row = 0; has_names() && row < count; ++row) {
    append_byte_string(names_, forest.classes.names[static_cast<std::size_t>(classes_[row])]);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const bool named = tensors_.outputs[i] == TreeOutput::classes && has_names();
    if (!outputs[i].wanted || named) continue;
    // Views are const because most holders only read; this memory is ours to fill.
    auto* out = const_cast<std::byte*>(outputs[i].tensor.bytes.data());
    if (tensors_.outputs[i] == TreeOutput::scores) {
      const std::size_t row_bytes = forest.targets * sizeof(float);
      std::memcpy(out + first * row_bytes, scores_.data(), count * row_bytes);
      continue;
    }
    for (std::size_t row = 0; row < count; ++row) {
      const std::int64_t label = forest.classes.numbers[static_cast<std::size_t>(classes_[row])];
      std::memcpy(out + (first + row) * sizeof label, &label, sizeof label);
    }
  }
}

}  // namespace mlops
