#include "app/site/side_by_side.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace banpush {

void side_by_side(std::size_t count, std::size_t threads, const std::function<void(std::size_t)> &work) {
  std::atomic<std::size_t> next{0};
  const auto go = [&] {
    for (std::size_t i = next++; i < count; i = next++)
      try {
        work(i);
      } catch (const std::exception &) {
      }
  };
  std::vector<std::jthread> more;
  try {
    for (std::size_t i = 1; i < std::min(count, threads); ++i)
      more.emplace_back(go);
  } catch (const std::exception &) { // no thread or no memory for one: those there are do it all
  }
  go();
}

} // namespace banpush
