#pragma once
// Which of the vector instructions that kernels are written for this processor has, asked once.
// Kernels for each are compiled in one file by function attributes; none of them may differ in its
// answers.

#include <cstdint>
#include <string_view>

namespace mlops {

// Each includes those before it. avx512: F, BW, VL, DQ and VBMI together (Ice Lake, Zen 4 and
// later).
enum class InstructionSet : std::uint8_t { baseline, avx2, avx512 };

InstructionSet best_instruction_set();
std::string_view name_of(InstructionSet set);

}  // namespace mlops
