#pragma once
// What the server says about itself. Fixed at start; any thread may read it.

#include <string>
#include <vector>

namespace mlops {

struct ServerFacts {
  std::string name = "mlops-server";  // some clients look for "triton": --compat-server-name
  std::string version;
  std::vector<std::string> extensions = supported_extensions();

  // Triton's extensions of the protocol, in its order: tools look them up by name.
  static std::vector<std::string> supported_extensions();
};

}  // namespace mlops
