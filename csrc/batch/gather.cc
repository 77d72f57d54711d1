#include "batch/gather.h"

#include <cstdint>
#include <cstring>

#include "batch/pad_rows.h"
#include "tensor/byte_strings.h"

namespace mlops {
namespace {

// Bodies arrive at any offset; reading a float at an odd address is undefined, and back ends assume
// natural alignment. What is small is copied all the same: see kStagingBytes.
bool usable_in_place(const Tensor& tensor) {
  // Strings are converted by every back end, wherever they lie.
  if (tensor.bytes.size() <= kStagingBytes && tensor.dtype != DType::bytes) return false;
  const std::size_t alignment = size_of(tensor.dtype);
  return alignment <= 1 || reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % alignment == 0;
}

Buffer room_for(std::size_t size, Buffer& staging, SlabPool& slabs) {
  if (size > kStagingBytes) return slabs.acquire(size);
  if (!staging || !staging->unique()) staging = allocate_buffer(kStagingBytes);
  return staging;
}

std::int64_t total_rows(std::span<const Part> parts) {
  std::int64_t rows = 0;
  for (const Part& part : parts) rows += part.rows;
  return rows;
}

Status wrong_rows(std::string_view name, const Tensor& output, std::int64_t rows) {
  return Status::internal("output '" + std::string(name) + "' has shape " +
                          output.shape.to_string() + " for a batch of " + std::to_string(rows) +
                          " rows");
}

}  // namespace

Result<Tensor> gather_input(std::span<const Part> parts, std::size_t index, Buffer& staging,
                            SlabPool& slabs, CopyMeter& copies) {
  const Tensor& first = parts.front().input(index);
  if (parts.size() == 1 && usable_in_place(first)) return first;

  std::size_t copied = 0;
  for (const Part& part : parts) copied += part.input(index).bytes.size();
  Tensor gathered;
  gathered.dtype = first.dtype;
  gathered.shape = first.shape;
  if (parts.size() > 1) gathered.shape.set(0, total_rows(parts));
  std::size_t size = copied;
  const std::int64_t length = common_length(parts, index);
  if (length > 0) {
    gathered.shape.set(1, length);
    size = dense_size(gathered.dtype, gathered.shape).value_or(SIZE_MAX);
  }
  gathered.owner = room_for(size, staging, slabs);
  if (!gathered.owner) {
    return Status::resource_exhausted("no batch memory left for " + std::to_string(size) +
                                      " bytes of input");
  }
  std::byte* to = gathered.owner->data();
  for (const Part& part : parts) {
    const Tensor& input = part.input(index);
    if (length > 0) {
      to = copy_padded(to, input, length);
      continue;
    }
    if (!input.bytes.empty()) std::memcpy(to, input.bytes.data(), input.bytes.size());
    to += input.bytes.size();
  }
  copies.add(CopySite::gather, copied);
  gathered.bytes = {gathered.owner->data(), size};
  return gathered;
}

Result<Tensor> cut_rows(Tensor& rest, std::int64_t rows) {
  const std::int64_t there = rest.shape.rank() == 0 ? -1 : rest.shape[0];
  if (rows > there) return Status::internal("a tensor has fewer rows than were to be cut off it");
  const std::int64_t elements = rest.shape.elements().value_or(0);
  const auto row_elements = static_cast<std::size_t>(there == 0 ? 0 : elements / there);
  const std::size_t cut = row_elements * static_cast<std::size_t>(rows);
  std::size_t size = cut * size_of(rest.dtype);
  if (rest.dtype == DType::bytes) {
    const auto prefix = byte_strings_prefix(rest.bytes, cut);
    if (!prefix) return Status::internal("a tensor of strings has fewer than its shape says");
    size = *prefix;
  }
  if (size > rest.bytes.size()) return Status::internal("a tensor is shorter than its shape says");
  Tensor view{rest.dtype, rest.shape, rest.bytes.first(size), rest.owner};
  view.shape.set(0, rows);
  rest.shape.set(0, there - rows);
  rest.bytes = rest.bytes.subspan(size);
  return view;
}

Status scatter_output(const Tensor& output, std::span<const Part> parts, std::string_view name,
                      std::vector<Tensor>& views) {
  const std::int64_t rows = total_rows(parts);
  if (output.shape.rank() == 0 || output.shape[0] != rows) return wrong_rows(name, output, rows);
  Tensor rest = output;
  for (const Part& part : parts) {
    Result<Tensor> view = cut_rows(rest, part.rows);
    if (!view.ok()) return wrong_rows(name, output, rows);
    views.push_back(*std::move(view));
  }
  return {};
}

}  // namespace mlops
