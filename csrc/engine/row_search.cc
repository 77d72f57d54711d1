#include "engine/row_search.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/lent_vector.h"
#include "cache/stored_answer.h"

namespace mlops {
namespace {

struct KeyHash {
  std::size_t operator()(const CacheKey& key) const { return key.low; }
};

// Types and sizes are the same, whatever axis 0 is.
bool same_rows(const Tensor& a, const Tensor& b) {
  const auto behind_rows = [](const Tensor& tensor) { return tensor.shape.dims().subspan(1); };
  return a.dtype == b.dtype && a.shape.rank() > 0 && a.shape.rank() == b.shape.rank() &&
         std::ranges::equal(behind_rows(a), behind_rows(b));
}

std::byte* append(std::byte* to, std::span<const std::byte> bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

// One output's rows, as the answer has them.
struct AnswerColumn {
  Tensor form;  // of any row
  std::vector<std::span<const std::byte>> rows;
};

bool set_whole(AnswerColumn& column, Tensor& whole) {
  std::size_t size = 0;
  for (const auto& row : column.rows) size += row.size();
  whole.dtype = column.form.dtype;
  whole.shape = column.form.shape;
  whole.shape.set(0, static_cast<std::int64_t>(column.rows.size()));
  whole.owner = allocate_buffer(size);
  if (!whole.owner) return false;
  std::byte* to = whole.owner->data();
  for (const auto& row : column.rows) to = append(to, row);
  whole.bytes = {whole.owner->data(), size};
  return true;
}

}  // namespace

RowSearch::RowSearch(RequestRows rows, std::vector<CacheKey> keys, std::vector<KeyProof> proofs)
    : request_rows_(std::move(rows)),
      keys_(std::move(keys)),
      proofs_(std::move(proofs)),
      rows_(keys_.size()) {}

bool RowSearch::fits(std::span<const std::byte> stored) {
  LentVector<NamedTensor, struct FoundRow> outputs;
  if (!read_answer(stored, *outputs)) return false;
  for (const NamedTensor& output : *outputs) {
    if (output.tensor.shape.rank() == 0 || output.tensor.shape[0] != 1) return false;
  }
  if (found_ == 0) {
    for (NamedTensor& output : *outputs) output.tensor.bytes = {};
    first_found_.assign(outputs->begin(), outputs->end());
    return true;
  }
  return std::ranges::equal(*outputs, first_found_, [](const auto& a, const auto& b) {
    return same_rows(a.tensor, b.tensor);
  });
}

void RowSearch::look(PredictionCache& cache, TimePoint now) {
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].place == Place::found) continue;
    const std::size_t begin = found_bytes_.size();
    auto room = [&](std::size_t size) {
      found_bytes_.resize(begin + size);
      return found_bytes_.data() + begin;
    };
    if (cache.find(keys_[i], now, proof(i), MakeRoom(room)) &&
        fits(std::span<const std::byte>(found_bytes_).subspan(begin))) {
      rows_[i] = {Place::found, begin, found_bytes_.size() - begin};
      ++found_;
    } else {
      found_bytes_.resize(begin);
    }
  }
}

bool RowSearch::plan() {
  std::unordered_map<CacheKey, std::uint32_t, KeyHash> first;
  runs_.clear();
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].place == Place::found) continue;
    const auto nth = static_cast<std::uint32_t>(runs_.size());
    const auto [known, fresh] = first.try_emplace(keys_[i], nth);
    if (!fresh && std::ranges::equal(proof(i), proof(runs_[known->second]))) {
      rows_[i] = {Place::equal, known->second, 0};
      continue;
    }
    rows_[i] = {Place::runs, nth, 0};
    runs_.push_back(static_cast<std::uint32_t>(i));
  }
  return !runs_.empty() && runs_.size() < count();
}

std::optional<Request> RowSearch::missing(const Request& request) const {
  Request part;
  part.model = request.model;
  part.version = request.version;
  part.outputs = request.outputs;
  part.parameters = request.parameters;
  part.deadline = request.deadline;
  part.timeout_us = request.timeout_us;
  part.keep_alive = request.keep_alive;  // names: it may run on after the whole was answered
  part.inputs.reserve(request.inputs.size());
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    AnswerColumn column{request.inputs[i].tensor, {}};
    column.rows.reserve(runs_.size());
    for (const std::uint32_t row : runs_) column.rows.push_back(request_rows_.bytes(i, row));
    Tensor whole;
    if (!set_whole(column, whole)) return std::nullopt;
    part.inputs.push_back({request.inputs[i].name, std::move(whole)});
  }
  return part;
}

std::optional<std::size_t> RowSearch::join(std::span<const std::string_view> names,
                                           std::vector<NamedTensor>& outputs) const {
  const std::size_t width = names.size();
  if (found_ > 0 && first_found_.size() != width) return std::nullopt;
  if (!runs_.empty() && outputs.size() != width) return std::nullopt;
  std::vector<AnswerColumn> columns(width);
  std::vector<TensorRows> ran;
  for (std::size_t i = 0; i < width; ++i) {
    columns[i].form = found_ > 0 ? first_found_[i].tensor : outputs[i].tensor;
    columns[i].rows.reserve(count());
    if (runs_.empty()) continue;
    std::optional<TensorRows> cut = TensorRows::cut(outputs[i].tensor, runs_.size());
    if (!cut || !same_rows(columns[i].form, outputs[i].tensor)) return std::nullopt;
    ran.push_back(*std::move(cut));
  }
  LentVector<NamedTensor, struct JoinedRow> found;
  for (const Row& row : rows_) {
    const bool kept = row.place == Place::found;
    found->clear();
    if (kept && !read_answer(stored(row), *found)) return std::nullopt;
    for (std::size_t i = 0; i < width; ++i) {
      columns[i].rows.push_back(kept ? (*found)[i].tensor.bytes : ran[i][row.at]);
    }
  }
  std::vector<NamedTensor> joined(width);
  std::size_t copied = 0;
  for (std::size_t i = 0; i < width; ++i) {
    joined[i].name = names[i];
    if (!set_whole(columns[i], joined[i].tensor)) return std::nullopt;
    copied += joined[i].tensor.bytes.size();
  }
  outputs = std::move(joined);
  return copied;
}

std::size_t RowSearch::keep(PredictionCache& cache, TimePoint now, TimePoint expires,
                            std::span<const NamedTensor> outputs) const {
  std::vector<TensorRows> rows;
  std::vector<NamedTensor> one(outputs.begin(), outputs.end());
  for (NamedTensor& output : one) {
    std::optional<TensorRows> cut = TensorRows::cut(output.tensor, count());
    if (!cut) return 0;  // not an answer of rows
    rows.push_back(*std::move(cut));
    output.tensor.shape.set(0, 1);
  }
  std::size_t bytes = 0;
  for (const std::uint32_t row : runs_) {
    for (std::size_t i = 0; i < one.size(); ++i) one[i].tensor.bytes = rows[i][row];
    StoredAnswer answer(one);
    if (cache.put(keys_[row], now, expires, proof(row), answer.pieces())) bytes += answer.bytes();
  }
  return bytes;
}

bool RowSearch::equals(const RowSearch& other) const {
  return keys_ == other.keys_ && proofs_ == other.proofs_;
}

}  // namespace mlops
