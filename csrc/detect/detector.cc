#include "detect/detector.h"

#include <cstdio>

namespace mlops {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

std::string wanted(Domain domain) {
  switch (domain) {
    case Domain::finite:
      return " is not a finite number";
    case Domain::unit:
      return " is not between 0 and 1";
    case Domain::bit:
      return " is neither 0 nor 1";
  }
  return {};
}

}  // namespace

Status refuse_value(Domain domain, double value) {
  return Status::invalid_argument("value " + number(value) + wanted(domain));
}

Status refuse_value(Domain domain, double value, std::size_t index) {
  return Status::invalid_argument("value " + number(value) + " at index " + std::to_string(index) +
                                  wanted(domain));
}

Status check_between(const char* name, double value, double low, double high) {
  if (value > low && value < high) return {};
  return Status::invalid_argument(std::string(name) + " is " + number(value) +
                                  "; it must lie between " + number(low) + " and " + number(high));
}

Status check_at_least(const char* name, std::int64_t value, std::int64_t least) {
  if (value >= least) return {};
  return Status::invalid_argument(std::string(name) + " is " + std::to_string(value) +
                                  "; it must be at least " + std::to_string(least));
}

}  // namespace mlops
