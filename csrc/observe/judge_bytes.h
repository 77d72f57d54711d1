#pragma once
// What a judge knows, as bytes: evidence, when things changed and what is alerted about, so that a
// restart is not a fresh start. It can be read only for the reference and margin that it was made
// with: evidence against one law says nothing about another.
//
// Little-endian. "MLOPSJDG", u32 version (1), text reference id, f64 margin, u64 rows, u64 last
// event, u8 flags and i64 time of the last suggestion, the streams, u64 stable_hash of all before.
// A stream takes about 2 KiB. docs/adr/0047.

#include <string>
#include <string_view>

#include "observe/drift_judge.h"
#include "observe/reference.h"

namespace mlops {

struct JudgeState {
  DriftJudge judge;  // of the reference
  std::uint64_t last_event = 0;
};

std::string judge_bytes(const Reference& reference, const JudgeState& state);

// Into a state whose judge is fresh and of the reference. Undefined content when it fails.
Status read_judge(std::string_view bytes, const Reference& reference, JudgeState& state);

}  // namespace mlops
