// Small tools of the programs that measure: the best of several runs, whole processes, random numbers
// that are the same everywhere.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace banpush::bench {

template <typename Work>
double seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Processor time of this process, which other load on the machine does not lengthen much.
template <typename Work>
double cpu_seconds(Work work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

template <typename Work>
double best_of(int runs, Work work) {
  double best = 1e9;
  for (int i = 0; i < runs; ++i)
    best = std::min(best, cpu_seconds(work));
  return best;
}

// SplitMix64: the standard library's distributions differ between implementations, this does not.
class Random {
public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30U) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27U) * 0x94d049bb133111ebU;
    return z ^ z >> 31U;
  }
  double uniform() noexcept { return static_cast<double>(bits() >> 11U) * 0x1p-53; } // [0, 1)
  double exponential(double mean) noexcept { return -mean * std::log(1 - uniform()); }
  std::size_t below(std::size_t end) noexcept { return static_cast<std::size_t>(uniform() * static_cast<double>(end)); }

private:
  std::uint64_t state_;
};

} // namespace banpush::bench
