// A stateful model: the running sum of each sequence; see builtin_backends.h.

#include <algorithm>
#include <map>
#include <mutex>
#include <type_traits>

#include "execute/builtin_backends.h"
#include "execute/builtin_parts.h"
#include "tensor/byte_strings.h"

namespace mlops {
namespace {

constexpr std::uint64_t kStepDelayMsMax = 3'600'000;
constexpr std::size_t kSequencesMax =
    65'536;  // remembered by CORRID; the one used longest ago goes

// Where the tensors that matter are in the signature.
struct Positions {
  std::size_t input = 0;
  std::optional<std::size_t> start;
  std::optional<std::size_t> ready;
  std::optional<std::size_t> end;
  std::optional<std::size_t> corrid;
  bool batched = false;  // axis 0 counts sequences
};

// A control value is true when any of its bits is set.
bool flag(std::span<const Tensor> inputs, std::optional<std::size_t> position, std::size_t row,
          bool absent) {
  if (!position) return absent;
  const Tensor& tensor = inputs[*position];
  const std::size_t size = size_of(tensor.dtype);
  const auto value = tensor.bytes.subspan(row * size, size);
  return std::ranges::any_of(value, [](std::byte b) { return b != std::byte{0}; });
}

// The correlation ids of a batch, as keys of a map.
std::vector<std::string> correlation_keys(const Tensor& tensor, std::size_t rows) {
  std::vector<std::string> keys;
  if (tensor.dtype == DType::bytes) {
    ByteStringReader reader(tensor.bytes);
    while (const auto key = reader.next()) keys.emplace_back(*key);
  } else {
    const std::size_t size = size_of(tensor.dtype);
    for (std::size_t row = 0; row < rows; ++row) {
      keys.emplace_back(reinterpret_cast<const char*>(tensor.bytes.data()) + row * size, size);
    }
  }
  keys.resize(rows);
  return keys;
}

// The sums of sequences that CORRID tells apart. Any lane may have the next request of a sequence.
template <class Sum>
class SumsById {
 public:
  // `update` gets the sum of the sequence; it is forgotten afterwards when `last`.
  template <class Update>
  void visit(const std::string& key, bool last, Update update) {
    const std::lock_guard lock(mutex_);
    auto found = sums_.try_emplace(key).first;
    found->second.used = ++clock_;
    update(found->second.sum);
    if (last) {
      sums_.erase(found);
    } else if (sums_.size() > kSequencesMax) {
      sums_.erase(
          std::ranges::min_element(sums_, {}, [](const auto& entry) { return entry.second.used; }));
    }
  }

 private:
  struct Entry {
    Sum sum{};
    std::uint64_t used = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Entry> sums_;  // guarded by mutex_
  std::uint64_t clock_ = 0;            // guarded by mutex_
};

template <class T>
using SumOf = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;

template <class T>
class SequenceExecutor final : public Executor {
 public:
  SequenceExecutor(const Positions& at, SumsById<SumOf<T>>& by_id, std::shared_ptr<Pause> pause,
                   Duration delay)
      : at_(at), by_id_(by_id), delay_(std::move(pause), delay) {}

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    if (Status passed = delay_.pass(); !passed.ok()) return passed;
    const Tensor& input = inputs[at_.input];
    const std::size_t rows =
        at_.batched ? static_cast<std::size_t>(input.shape[0]) : std::size_t{1};
    Tensor& output = outputs[0].tensor;
    std::byte* room = output_room(output, input.dtype, input.shape, input.bytes.size());
    if (!room) return Status::resource_exhausted("no memory for an output of the sequence model");
    if (rows == 0) return {};
    if (at_.corrid) keys_ = correlation_keys(inputs[*at_.corrid], rows);
    if (sums_.size() < rows) sums_.resize(rows);
    const std::size_t width = input.bytes.size() / sizeof(T) / rows;
    for (std::size_t row = 0; row < rows; ++row) {
      const auto update = [&](SumOf<T>& sum) {
        add_row(inputs, row, width, sum, room + row * width * sizeof(T));
      };
      if (!flag(inputs, at_.ready, row, true)) {
        std::memset(room + row * width * sizeof(T), 0, width * sizeof(T));
      } else if (at_.corrid) {
        by_id_.visit(keys_[row], flag(inputs, at_.end, row, false), update);
      } else {
        update(sums_[row]);
      }
    }
    return {};
  }
  void interrupt() override { delay_.interrupt(); }

 private:
  void add_row(std::span<const Tensor> inputs, std::size_t row, std::size_t width, SumOf<T>& sum,
               std::byte* out) const {
    if (flag(inputs, at_.start, row, false)) sum = {};
    for (std::size_t i = 0; i < width; ++i) {
      sum += element<T>(inputs[at_.input], row * width + i);
      const T value = static_cast<T>(sum);
      std::memcpy(out + i * sizeof(T), &value, sizeof(T));
    }
  }

  const Positions at_;
  SumsById<SumOf<T>>& by_id_;
  Delay delay_;
  std::vector<SumOf<T>> sums_;  // by row, when there is no CORRID
  std::vector<std::string> keys_;
};

template <class T>
class SequenceBackend final : public Backend {
 public:
  SequenceBackend(Signature signature, const Positions& at, std::shared_ptr<Pause> pause,
                  Duration delay)
      : signature_(std::move(signature)), at_(at), pause_(std::move(pause)), delay_(delay) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "sequence"; }
  std::optional<Duration> known_run_time() const override { return delay_; }
  bool waits() const override { return delay_ > Duration{0}; }
  bool stateful() const override { return true; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(
        std::make_unique<SequenceExecutor<T>>(at_, by_id_, pause_, delay_));
  }

 private:
  Signature signature_;
  Positions at_;
  std::shared_ptr<Pause> pause_;
  Duration delay_;
  SumsById<SumOf<T>> by_id_;
};

Result<Positions> find_positions(const Signature& signature) {
  const auto input = signature.input_index("INPUT");
  if (!input || signature.outputs.size() != 1 || signature.outputs[0].name != "OUTPUT" ||
      signature.outputs[0].dtype != signature.inputs[*input].dtype) {
    return Status::invalid_argument(
        "the sequence back end has an input INPUT and one output OUTPUT of the same type");
  }
  Positions at;
  at.input = *input;
  at.start = signature.input_index("START");
  at.ready = signature.input_index("READY");
  at.end = signature.input_index("END");
  at.corrid = signature.input_index("CORRID");
  for (const auto& control : {at.start, at.ready, at.end}) {
    if (control && size_of(signature.inputs[*control].dtype) == 0) {
      return Status::invalid_argument("control input '" + signature.inputs[*control].name +
                                      "' of the sequence back end cannot be a string");
    }
  }
  const auto any_control = at.start ? at.start : at.ready ? at.ready : at.end ? at.end : at.corrid;
  at.batched = any_control ? signature.inputs[*any_control].dims.size() > 1
                           : signature.inputs[*input].dims.size() > 1;
  return at;
}

}  // namespace

Result<std::unique_ptr<Backend>> make_sequence_backend(Signature signature,
                                                       const ConfigStrings& parameters,
                                                       const std::shared_ptr<Pause>& pause) {
  const auto delay_ms = whole_parameter(parameters, "execute_delay_ms", kStepDelayMsMax);
  if (!delay_ms.ok()) return delay_ms.status();
  const Duration delay = std::chrono::milliseconds(*delay_ms);
  const Result<Positions> at = find_positions(signature);
  if (!at.ok()) return at.status();
  switch (signature.inputs[at->input].dtype) {
    case DType::i32:
      return std::unique_ptr<Backend>(
          std::make_unique<SequenceBackend<std::int32_t>>(std::move(signature), *at, pause, delay));
    case DType::f32:
      return std::unique_ptr<Backend>(
          std::make_unique<SequenceBackend<float>>(std::move(signature), *at, pause, delay));
    default:
      return Status::invalid_argument("INPUT of the sequence back end must be INT32 or FP32");
  }
}

}  // namespace mlops
