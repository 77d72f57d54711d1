#include "bindings/python_log.h"

#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "bindings/gil.h"

namespace mlops::python {
namespace {

constexpr std::size_t kLinesMax = 1000;

struct Line {
  Severity severity;
  std::string message;
};

std::mutex lines_mutex;
std::deque<Line> lines;      // guarded by lines_mutex
std::size_t lines_lost = 0;  // guarded by lines_mutex

const char* method_name(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "error";
}

void pass_on(PyObject* logger, const Line& line) {
  // "%s" first: a message is data and may hold percent signs.
  const Object done = Object::steal(
      PyObject_CallMethod(logger, method_name(line.severity), "ss#", "%s", line.message.data(),
                          static_cast<Py_ssize_t>(line.message.size())));
  if (!done) PyErr_WriteUnraisable(logger);
}

}  // namespace

void PythonLog::log(Severity severity, std::string_view message) {
  bool first;
  {
    const std::lock_guard lock(lines_mutex);
    first = lines.empty();
    if (lines.size() == kLinesMax) {
      ++lines_lost;
      return;
    }
    lines.push_back({severity, std::string(message)});
  }
  if (first) ask_for_visit();
}

void PythonLog::pass_on_all() {
  std::deque<Line> taken;
  {
    const std::lock_guard lock(lines_mutex);
    taken.swap(lines);
    if (lines_lost != 0) {
      taken.push_back({Severity::warning, std::to_string(std::exchange(lines_lost, 0)) +
                                              " log lines of the core were dropped"});
    }
  }
  if (taken.empty()) return;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  const Object logging = Object::steal(PyImport_ImportModule("logging"));
  const Object logger = Object::steal(
      logging ? PyObject_CallMethod(logging.get(), "getLogger", "s", "mlops_engine") : nullptr);
  if (logger) {
    for (const Line& line : taken) pass_on(logger.get(), line);
  } else {
    PyErr_WriteUnraisable(nullptr);
  }
  PyErr_Restore(type, value, traceback);
}

}  // namespace mlops::python
