#pragma once
// The draws of Python's random.Random(seed): the Mersenne Twister, seeded, bounded and sampled as
// CPython does. For detectors whose alarms depend on draws and are compared with Python's.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mlops {

class PythonRandom {
 public:
  explicit PythonRandom(std::uint64_t seed) { reseed(seed); }

  void reseed(std::uint64_t seed);
  std::uint32_t bits32();
  std::uint32_t below(std::uint32_t n);  // n > 0
  // random.sample(range(n), out.size()); out.size() <= n. `scratch` is n long.
  void sample(std::uint32_t n, std::span<std::uint32_t> out, std::vector<std::uint32_t>& scratch);

 private:
  static constexpr std::size_t kWords = 624;

  void seed_linear(std::uint32_t seed);
  void refill();

  std::array<std::uint32_t, kWords> state_;
  std::size_t next_ = kWords;
};

}  // namespace mlops
