#pragma once
// Looks at a request's rows before they run: is a value missing, out of the reference's range, of a
// category that the reference does not have? What is declared for such a value is done: the request
// is refused, or the value is replaced. Immutable but for counters; any thread.

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "observe/stage.h"
#include "request/validate.h"

namespace mlops {

enum class InputFault : std::uint8_t { missing, out_of_range, new_category };
inline constexpr std::size_t kInputFaults = 3;
enum class FaultAction : std::uint8_t { pass, reject, impute };

struct InputGuardOptions {
  FaultAction actions[kInputFaults] = {};  // by fault
  // What is put in place of a value, by stream; the reference's median where nothing is said.
  std::map<std::string, float> replacements;
  // Least and greatest allowed value, by stream; the reference's where nothing is said.
  std::map<std::string, std::pair<float, float>> ranges;

  bool any() const;
};

// Of a configuration's parameters guard_missing, guard_range and guard_new_category (pass, reject,
// impute), guard_values ("distance=0,humidity=55.5") and guard_ranges ("distance=15:5000").
Result<InputGuardOptions> guard_options(const std::map<std::string, std::string>& parameters);

struct InputGuardCounts {
  std::uint64_t requests_rejected = 0;
  std::uint64_t values_imputed = 0;
};

class InputGuard {
 public:
  // invalid_argument when the reference is not of this signature, names no input, or a value would
  // have to be imputed into anything but FP32 and FP64.
  static Result<std::shared_ptr<InputGuard>> create(const Reference& reference,
                                                    const Signature& signature,
                                                    InputGuardOptions options);

  // invalid_argument, which names the stream, the row and the value. Tensors in which something is
  // replaced are copied first: the caller's memory stays as it is.
  Status check(Request& request, const Resolved& resolved);
  InputGuardCounts counts() const;

 private:
  struct Bounds {
    std::string label;
    bool numeric = true;
    float min = 0;
    float max = 0;
    float replacement = 0;
    bool declared = false;  // min and max
  };
  struct Place {
    std::size_t row = 0;
    std::size_t column = 0;   // of the tensor
    std::size_t columns = 0;  // elements of its rows
  };

  explicit InputGuard(InputGuardOptions options) : options_(std::move(options)) {}
  Status check_names() const;
  Status add(const ColumnRun& run, const Reference& reference, const TensorSpec& spec);
  Status check_run(const ColumnRun& run, std::size_t columns, NamedTensor& input, bool& copied);
  Status act_on(const ColumnRun& run, const float* values, Place place, NamedTensor& input,
                bool& copied);
  Status act(std::size_t stream, float value, const Place& place, NamedTensor& input, bool& copied);

  const InputGuardOptions options_;
  std::vector<ColumnRun> runs_;          // of inputs
  std::vector<std::size_t> columns_;     // of each run's tensor
  std::vector<Bounds> bounds_;           // of each stream of the reference
  std::vector<float> lowest_, highest_;  // of each stream: what passes without a closer look
  std::atomic<std::uint64_t> rejected_{0}, imputed_{0};
};

}  // namespace mlops
