#pragma once
// A model's session by way of the graph that an earlier start saved, or one that saves it for the
// next.

#include <string>

#include "execute/graph_cache.h"
#include "execute/onnx_scan.h"
#include "execute/ort_session.h"

namespace mlops {

// As open_session. Whatever is wrong with the cache costs time, never the model: it is then loaded
// from its own file. `scan` is of that file, whose external files have been checked.
Status open_session_with(GraphCache& graphs, const OrtRuntime& runtime,
                         const std::string& model_path, const OnnxScan& scan,
                         const OrtOptions& options, OrtModel& model);

// What a saved graph depends on, as hexadecimal digits: the model's bytes, the library's build, the
// processor, the options, and this program.
Result<std::string> saved_graph_key(const OrtRuntime& runtime, const std::string& model_path,
                                    const OnnxScan& scan, const OrtOptions& options);

}  // namespace mlops
