#pragma once
// Tries a freshly loaded model on made-up rows before it serves: does it run at all, are its rows
// independent (so that requests may share a batch), which outputs have a size known in advance, and
// about how long does one row take. Declarations cannot answer these: a mean over axis 0, a dynamic
// quantisation scale or a baked-in reshape look batchable and are not.

#include <string>
#include <vector>

#include "base/clock.h"
#include "execute/backend.h"
#include "model/batch_rule.h"

namespace mlops {

struct ProbeResult {
  bool ran = false;  // some made-up input was accepted; otherwise the rest is guesswork
  bool batchable = false;
  std::string reason;                 // for people
  std::vector<bool> sizable_outputs;  // per output: every run matched the declared dims exactly
  std::int64_t open_size = 1;         // of the open axes besides the batch, as it was accepted
  Duration single_row{0};             // best of the runs with one row; zero when none ran
  bool padding_harmless = false;      // see padding_probe.h
};

struct ProbedModel {
  const Signature& signature;
  const BatchRule& rule;
  double spread = 0;  // the back end's answer_spread()
};

// Blocks for a handful of runs. Never fails: a model that refuses made-up input is simply not
// merged.
ProbeResult probe_model(Executor& executor, const ProbedModel& model, const Clock& clock);

}  // namespace mlops
