// The kernels that fill the placement of a print; the bars around it are print.cpp's.
#pragma once

#include "core/print_plan.hpp"

namespace vedette {

using PrintFunction = void (*)(const PrintPlan&, const Picture&, Scratch&, std::byte* out) noexcept;

void printReference(const PrintPlan& plan, const Picture& picture, Scratch& scratch, std::byte* out) noexcept;
void printPortable(const PrintPlan& plan, const Picture& picture, Scratch& scratch, std::byte* out) noexcept;
#if defined(__x86_64__)
void printAvx2(const PrintPlan& plan, const Picture& picture, Scratch& scratch, std::byte* out) noexcept;
#endif
#if defined(__aarch64__)
void printNeon(const PrintPlan& plan, const Picture& picture, Scratch& scratch, std::byte* out) noexcept;
#endif

}  // namespace vedette
