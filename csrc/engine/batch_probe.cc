#include "engine/batch_probe.h"

#include <algorithm>
#include <optional>

#include "engine/probe_rows.h"

namespace mlops {
namespace {

constexpr std::int64_t kOpenSizes[] = {8, 32, 1, 128};  // for axes other than the batch

// Two groups of rows, tried alone and together. Groups of opposite sign and of other magnitude find
// rows that are dropped, and branches that any single row can turn for all.
struct Trial {
  std::int64_t rows_a;
  std::int64_t rows_b;
  double scale_a;
  double scale_b;
  bool must_run;
};
constexpr Trial kTrials[] = {
    {1, 2, 1, 1, true},     {3, 1, 1, 1, true},     {2, 1, 4, -4, false},
    {1, 2, 100, -1, false}, {1, 1, -100, 1, false},
};

using Outputs = std::vector<Tensor>;

class Prober {
 public:
  Prober(Executor& executor, const Signature& signature, double spread, const Clock& clock)
      : executor_(executor), signature_(signature), spread_(spread), clock_(clock) {
    result_.sizable_outputs.assign(signature.outputs.size(), true);
  }

  // Finds sizes for the open axes that the model accepts.
  bool find_accepted_size() {
    for (std::int64_t size : kOpenSizes) {
      std::mt19937_64 random(7);
      const auto inputs = make_probe_inputs(signature_, {1, size, 1.0}, random);
      if (inputs.size() != signature_.inputs.size()) continue;
      if (run(inputs, 1)) {
        open_size_ = size;
        result_.open_size = size;
        return true;
      }
    }
    return false;
  }

  // Rows a and rows b alone and together must give the same. A model may refuse values of an
  // unusual scale; then they prove nothing either way.
  bool rows_are_independent(const Trial& trial) {
    const auto a =
        make_probe_inputs(signature_, {trial.rows_a, open_size_, trial.scale_a}, random_);
    const auto b =
        make_probe_inputs(signature_, {trial.rows_b, open_size_, trial.scale_b}, random_);
    if (a.size() != signature_.inputs.size() || b.size() != a.size()) {
      return refuse("rows are too large to probe");
    }
    std::vector<Tensor> both;
    for (std::size_t i = 0; i < a.size(); ++i) both.push_back(append_rows(a[i], b[i]));
    const auto out_a = run(a, trial.rows_a);
    const auto out_b = run(b, trial.rows_b);
    if ((!out_a || !out_b) && !trial.must_run) return true;
    const auto out_both = run(both, trial.rows_a + trial.rows_b);
    if (!out_a || !out_b || !out_both) {
      return refuse("the model fails with several rows: " + last_error_);
    }
    for (std::size_t i = 0; i < signature_.outputs.size(); ++i) {
      if (!outputs_agree((*out_a)[i], (*out_b)[i], (*out_both)[i], trial)) {
        return refuse("rows influence each other in output '" + signature_.outputs[i].name + "'");
      }
    }
    return true;
  }

  ProbeResult take_result() { return std::move(result_); }
  bool refuse(std::string why) {
    result_.reason = std::move(why);
    return false;
  }
  const std::string& last_error() const { return last_error_; }
  ProbeResult& result() { return result_; }

 private:
  bool outputs_agree(const Tensor& a, const Tensor& b, const Tensor& both,
                     const Trial& trial) const {
    const bool has_rows = a.shape.rank() > 0 && b.shape.rank() > 0 && a.dtype == b.dtype &&
                          a.shape[0] == trial.rows_a && b.shape[0] == trial.rows_b;
    return has_rows && nearly_equal(append_rows(a, b), both, spread_);
  }

  std::optional<Outputs> run(const std::vector<Tensor>& inputs, std::int64_t rows) {
    std::vector<OutputSlot> slots(signature_.outputs.size());
    for (OutputSlot& slot : slots) slot.wanted = true;
    const TimePoint before = clock_.now();
    const Status status = executor_.run(inputs, slots);
    const Duration took{elapsed_ns(before, clock_.now())};
    if (!status.ok()) {
      last_error_ = status.message();
      return std::nullopt;
    }
    if (rows == 1 && (result_.single_row == Duration{0} || took < result_.single_row)) {
      result_.single_row = took;
    }
    Outputs outputs;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (!matches_declaration(signature_.outputs[i], slots[i].tensor, rows)) {
        result_.sizable_outputs[i] = false;
      }
      outputs.push_back(std::move(slots[i].tensor));
    }
    return outputs;
  }

  static bool matches_declaration(const TensorSpec& spec, const Tensor& tensor, std::int64_t rows) {
    if (!spec.rank_known || spec.dtype == DType::bytes) return false;
    if (spec.dtype != tensor.dtype || spec.dims.size() != tensor.shape.rank()) return false;
    for (std::size_t axis = 0; axis < spec.dims.size(); ++axis) {
      const bool open = spec.dims[axis] == kAnySize;
      if (open && axis > 0) return false;
      if (tensor.shape[axis] != (open ? rows : spec.dims[axis])) return false;
    }
    return true;
  }

  Executor& executor_;
  const Signature& signature_;
  const double spread_;
  const Clock& clock_;
  ProbeResult result_;
  std::int64_t open_size_ = 1;
  std::mt19937_64 random_{11};
  std::string last_error_;
};

// Without a batch axis an open axis has no size known in advance; with nothing run, nothing is
// known.
void forget_unknown_sizes(const Signature& signature, ProbeResult& result) {
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    const auto& dims = signature.outputs[i].dims;
    const bool open = !dims.empty() && dims[0] == kAnySize;
    if (!result.ran || (!result.batchable && open)) result.sizable_outputs[i] = false;
  }
}

}  // namespace

ProbeResult probe_model(Executor& executor, const ProbedModel& model, const Clock& clock) {
  const Signature& signature = model.signature;
  const BatchRule& rule = model.rule;
  Prober prober(executor, signature, model.spread, clock);
  ProbeResult& result = prober.result();
  result.ran = prober.find_accepted_size();
  if (!result.ran) {
    prober.refuse("the model refused every probe input: " + prober.last_error());
  } else if (!rule.batchable) {
    prober.refuse(rule.reason);
  } else {
    result.batchable = std::ranges::all_of(
        kTrials, [&](const Trial& trial) { return prober.rows_are_independent(trial); });
    if (result.batchable) result.reason = rule.reason + ", and rows proved independent";
  }
  forget_unknown_sizes(signature, result);
  return prober.take_result();
}

}  // namespace mlops
