#pragma once
// Replaces operator new of the whole program, to count what a thread asks it for. One test binary
// has it, in one file.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace mlops::testing {

inline thread_local std::uint64_t allocations = 0;  // of this thread, since it began

inline void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded > 0 ? rounded : alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace mlops::testing

void* operator new(std::size_t size) {
  return mlops::testing::counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return mlops::testing::counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
