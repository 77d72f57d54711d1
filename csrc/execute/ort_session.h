#pragma once
// How a session is made from a file: every setting that it is given, in one place.

#include <string>

#include "execute/ort_backend.h"
#include "execute/ort_model.h"
#include "execute/ort_runtime.h"

namespace mlops {

struct SessionFile {
  std::string path;
  std::string name;        // the model's own file, for messages and logs
  bool optimised = false;  // by an earlier session: nothing is left to be done to the graph
  std::string save_to;  // the optimised graph is written there, its weights beside it; empty: not
  std::string weights_name;  // of the file beside it
};

// Fills in session and memory_info. `options` have been checked.
Status open_session(const OrtRuntime& runtime, const SessionFile& file, const OrtOptions& options,
                    OrtModel& model);

}  // namespace mlops
