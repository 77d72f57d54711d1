// XXH3 is compiled in from its header: the core links no library for it.
#define XXH_INLINE_ALL
#include "cache/key.h"

#include <sys/random.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <span>

#include "cache/input_cells.h"

namespace mlops {
namespace {

// Longer tensors are hashed by themselves, and their hash stands for them.
constexpr std::size_t kInlineBytes = 512;

using Secret = std::span<const std::byte>;

// Collects words in one block on the stack. A block that is full is hashed, and its hash begins the
// next one: as the hash of a stream, without the state of half a kilobyte that xxhash makes for it.
class HashSink {
 public:
  HashSink(const CacheKey& begin, Secret secret) : secret_(secret) { restart(begin); }

  void word(std::uint64_t value) {
    if (used_ == block_.size()) restart(hash(block_, secret_));
    block_[used_++] = value;
  }
  // Padded to whole words; whoever calls has said how many bytes there are.
  void bytes(const void* data, std::size_t size) {
    const auto* from = static_cast<const std::byte*>(data);
    while (size > 0) {
      if (used_ == block_.size()) restart(hash(block_, secret_));
      const std::size_t part = std::min(size, (block_.size() - used_) * kWord);
      const std::size_t words = (part + kWord - 1) / kWord;
      block_[used_ + words - 1] = 0;
      std::memcpy(&block_[used_], from, part);
      used_ += words;
      from += part;
      size -= part;
    }
  }
  void tensor(std::span<const std::byte> data) {
    if (data.size() <= kInlineBytes) return bytes(data.data(), data.size());
    const CacheKey digest = hash(data.data(), data.size(), secret_);
    word(digest.low);
    word(digest.high);
  }
  CacheKey finish() const { return hash(block_.data(), used_ * kWord, secret_); }

 private:
  static constexpr std::size_t kWord = sizeof(std::uint64_t);
  using Block = std::array<std::uint64_t, 128>;

  static CacheKey hash(const Block& block, Secret secret) {
    return hash(block.data(), sizeof block, secret);
  }
  static CacheKey hash(const void* data, std::size_t size, Secret secret) {
    const XXH128_hash_t made = XXH3_128bits_withSecret(data, size, secret.data(), secret.size());
    return {made.low64, made.high64};
  }
  void restart(const CacheKey& from) {
    block_[0] = from.low;
    block_[1] = from.high;
    used_ = 2;
  }

  const Secret secret_;
  std::size_t used_ = 0;
  Block block_;  // what is below used_ is written
};

class ProofSink {
 public:
  explicit ProofSink(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  void word(std::uint64_t value) { bytes(&value, sizeof value); }
  void bytes(const void* data, std::size_t size) {
    if (size > bytes_max_ - proof_.size()) full_ = true;
    if (full_ || size == 0) return;
    const auto* from = static_cast<const std::byte*>(data);
    proof_.insert(proof_.end(), from, from + size);
  }
  void tensor(std::span<const std::byte> data) { bytes(data.data(), data.size()); }
  std::optional<KeyProof> take() {
    if (full_) return std::nullopt;
    return std::move(proof_);
  }

 private:
  const std::size_t bytes_max_;
  bool full_ = false;
  KeyProof proof_;
};

// Every field is a word or has its length before it, so no two lists of fields are one string.
template <class Sink>
void text(Sink& sink, std::string_view value) {
  sink.word(value.size());
  sink.bytes(value.data(), value.size());
}

// Calls `visit(item)` by ascending name; requests nearly always bring them so, or bring one.
template <class Items, class Visit>
void by_name(const Items& items, Visit visit) {
  const auto name = [](const auto& item) { return std::string_view(item.name); };
  if (std::ranges::is_sorted(items, std::less<>(), name)) {
    for (const auto& item : items) visit(item);
    return;
  }
  std::vector<const typename Items::value_type*> sorted;
  sorted.reserve(items.size());
  for (const auto& item : items) sorted.push_back(&item);
  std::ranges::stable_sort(sorted, std::less<>(), [&](const auto* item) { return name(*item); });
  for (const auto* item : sorted) visit(*item);
}

template <class Sink>
void encode_parameters(Sink& sink, const std::vector<Parameter>& parameters) {
  if (parameters.empty()) return;
  by_name(parameters, [&](const Parameter& parameter) {
    if (!changes_answer(parameter.name)) return;
    text(sink, parameter.name);
    sink.word(parameter.value.index());
    std::visit(
        [&](const auto& value) {
          using Value = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, std::string>) {
            text(sink, value);
          } else if constexpr (std::is_same_v<Value, double>) {
            sink.word(std::bit_cast<std::uint64_t>(value));
          } else {
            sink.word(static_cast<std::uint64_t>(value));
          }
        },
        parameter.value);
  });
}

constexpr std::uint64_t kEndOfParameters = UINT64_MAX;  // no name is that long

// All but the inputs' values. `rows`: of one row, whatever axis 0 is.
template <class Sink>
void encode_form(Sink& sink, const Request& request, std::string_view tenant, bool rows) {
  text(sink, tenant);
  sink.word(std::uint64_t{request.inputs.size()} << 32 | request.outputs.size());
  by_name(request.inputs, [&](const NamedTensor& input) {
    const Tensor& tensor = input.tensor;
    const std::size_t rank = tensor.shape.rank();
    sink.word(std::uint64_t{input.name.size()} << 16 | std::uint64_t{rank} << 8 |
              static_cast<std::uint64_t>(tensor.dtype));
    sink.bytes(input.name.data(), input.name.size());
    for (std::size_t axis = 0; axis < rank; ++axis) {
      sink.word(axis == 0 && rows ? 1 : static_cast<std::uint64_t>(tensor.shape[axis]));
    }
  });
  for (const std::string_view output : request.outputs) text(sink, output);
  encode_parameters(sink, request.parameters);
  sink.word(kEndOfParameters);
}

double step_of(const NamedTensor& input, const KeyForm& form) {
  if (!has_cells(input.tensor.dtype)) return 0;
  for (const InputStep& step : form.steps) {
    if (step.input == input.name) return step.width;
  }
  return 0;
}

// `bytes_of(i)`: those of the request's input i.
template <class Sink, class BytesOf>
void encode_values(Sink& sink, const Request& request, const KeyForm& form, BytesOf bytes_of) {
  by_name(request.inputs, [&](const NamedTensor& input) {
    const auto index = static_cast<std::size_t>(&input - request.inputs.data());
    const std::span<const std::byte> data = bytes_of(index);
    sink.word(data.size());
    if (const double width = step_of(input, form); width > 0) {
      encode_cells(input.tensor.dtype, data, width, [&](std::uint64_t word) { sink.word(word); });
    } else {
      sink.tensor(data);
    }
  });
}

template <class Sink>
void encode(Sink& sink, const Request& request, const KeyForm& form) {
  encode_form(sink, request, form.tenant, false);
  encode_values(sink, request, form, [&](std::size_t i) { return request.inputs[i].tensor.bytes; });
}

void fill_by_seed(std::span<std::byte> secret, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (std::byte& byte : secret) byte = static_cast<std::byte>(random());
}

}  // namespace

KeyMaker::KeyMaker() {
  std::size_t have = 0;
  while (have < secret_.size()) {
    const auto got = getrandom(secret_.data() + have, secret_.size() - have, 0);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  if (have < secret_.size()) {  // no such call: still of this process alone
    std::random_device device;
    fill_by_seed(secret_, (std::uint64_t{device()} << 32) ^ device());
  }
}

KeyMaker::KeyMaker(std::uint64_t seed) { fill_by_seed(secret_, seed); }

CacheKey KeyMaker::scope(const ScopeFields& fields) const {
  HashSink sink(CacheKey{}, secret_);
  text(sink, fields.model);
  sink.word(static_cast<std::uint64_t>(fields.version));
  text(sink, fields.digest);
  sink.word(fields.epoch);
  return sink.finish();
}

CacheKey KeyMaker::key(const CacheKey& scope, const Request& request, const KeyForm& form) const {
  HashSink sink(scope, secret_);
  sink.word('q');  // a whole request is never a row
  encode(sink, request, form);
  return sink.finish();
}

CacheKey KeyMaker::rows_scope(const CacheKey& scope, const Request& request,
                              const KeyForm& form) const {
  HashSink sink(scope, secret_);
  sink.word('r');
  encode_form(sink, request, form.tenant, true);
  return sink.finish();
}

CacheKey KeyMaker::row_key(const CacheKey& rows_scope, const Request& request,
                           const RequestRows& rows, std::size_t row, const KeyForm& form) const {
  HashSink sink(rows_scope, secret_);
  sink.word('v');
  encode_values(sink, request, form, [&](std::size_t i) { return rows.bytes(i, row); });
  return sink.finish();
}

CacheKey KeyMaker::key_of_rows(const CacheKey& rows_scope, std::span<const CacheKey> rows) const {
  HashSink sink(rows_scope, secret_);
  sink.word('k');
  for (const CacheKey& row : rows) {
    sink.word(row.low);
    sink.word(row.high);
  }
  return sink.finish();
}

std::optional<KeyProof> key_proof(const Request& request, const KeyForm& form,
                                  std::size_t bytes_max) {
  ProofSink sink(bytes_max);
  encode(sink, request, form);
  return sink.take();
}

std::optional<KeyProof> row_proof(const Request& request, const RequestRows& rows, std::size_t row,
                                  const KeyForm& form, std::size_t bytes_max) {
  ProofSink sink(bytes_max);
  encode_form(sink, request, form.tenant, true);
  encode_values(sink, request, form, [&](std::size_t i) { return rows.bytes(i, row); });
  return sink.take();
}

bool changes_answer(std::string_view parameter) {
  return parameter != "timeout" && parameter != "priority" && parameter != "version_label";
}

}  // namespace mlops
