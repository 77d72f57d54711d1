#pragma once
// Lines of a Prometheus page, text format 0.0.4.

#include <cstdio>
#include <string>
#include <string_view>

#include "engine/stats.h"

namespace mlops {
namespace prometheus {

inline std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

inline std::string labels_of(const ModelStats& model) {
  return "model=\"" + escaped(model.name) + "\",version=\"" + std::to_string(model.version) + "\"";
}

inline void header(std::string& page, const char* name, const char* help, const char* type) {
  page.append("# HELP ").append(name).append(" ").append(help).append("\n");
  page.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

inline void sample(std::string& page, std::string_view name, const std::string& labels,
                   const std::string& value) {
  page.append(name).append("{").append(labels).append("} ").append(value).append("\n");
}

inline std::string seconds(std::uint64_t ns) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", static_cast<double>(ns) * 1e-9);
  return text;
}

}  // namespace prometheus

// metrics_drift.cc: what was counted for drift, and what the judges say of it.
void add_drift_metrics(std::string& page, const EngineStats& stats);
// metrics_feedback.cc: what became of feedback, and what it says.
void add_feedback_metrics(std::string& page, const EngineStats& stats);
// metrics_routes.cc: what routes did, what guards and shadows say.
void route_metrics(std::string& page, const EngineStats& stats);

}  // namespace mlops
