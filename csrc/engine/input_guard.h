#pragma once
// Looks at a request's rows before they run: is a value missing, out of the reference's range, of a
// category that the reference does not have? What is declared for such a value is done: the request
// is refused, another version answers it, or the value is replaced. Immutable but for counters; any
// thread.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "observe/stage.h"
#include "request/validate.h"

namespace mlops {

enum class InputFault : std::uint8_t { missing, out_of_range, new_category };
inline constexpr std::size_t kInputFaults = 3;
enum class FaultAction : std::uint8_t { pass, reject, impute, route };

struct InputGuardOptions {
  FaultAction actions[kInputFaults] = {};  // by fault
  // What is put in place of a value, by stream; the reference's median where nothing is said.
  std::map<std::string, float> replacements;
  // Least and greatest allowed value, by stream; the reference's where nothing is said.
  std::map<std::string, std::pair<float, float>> ranges;
  std::int64_t route_version = 0;  // of the same model; who answers instead

  bool any() const;
  bool routes() const;
};

// Of a configuration's parameters guard_missing, guard_range and guard_new_category (pass, reject,
// impute, route), guard_values ("distance=0,humidity=55.5"), guard_ranges ("distance=15:5000") and
// guard_route (a version).
Result<InputGuardOptions> guard_options(const std::map<std::string, std::string>& parameters);

struct InputGuardCounts {
  std::uint64_t requests_rejected = 0;
  std::uint64_t values_imputed = 0;
  std::uint64_t requests_routed = 0;
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
  // unavailable, where another version should have answered and none did.
  Status check(Request& request, const Resolved& resolved);
  // The version that answers this request instead; nullopt: this one. Counts nothing.
  std::optional<std::int64_t> elsewhere(const Request& request, const Resolved& resolved) const;
  void count_routed() { routed_.fetch_add(1, std::memory_order_relaxed); }
  bool routes() const { return options_.routes(); }
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
  // Of a value that does not pass without a closer look; the first that is not ok ends the search.
  using Visit = std::function<Status(std::size_t stream, float value, const Place& place)>;
  Status search(const ColumnRun& run, std::size_t columns, const NamedTensor& input,
                const Visit& visit) const;
  Status search_row(const ColumnRun& run, const float* values, Place place,
                    const Visit& visit) const;
  InputFault fault_of(std::size_t stream, float value) const;
  Status act(std::size_t stream, float value, const Place& place, NamedTensor& input, bool& copied);

  const InputGuardOptions options_;
  std::vector<ColumnRun> runs_;          // of inputs
  std::vector<std::size_t> columns_;     // of each run's tensor
  std::vector<Bounds> bounds_;           // of each stream of the reference
  std::vector<float> lowest_, highest_;  // of each stream: what passes without a closer look
  std::atomic<std::uint64_t> rejected_{0}, imputed_{0}, routed_{0};
};

}  // namespace mlops
