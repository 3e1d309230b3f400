// The same work on many things at a time.
#pragma once

#include <cstddef>
#include <functional>

namespace banpush {

// work(0) to work(count - 1), by at most so many threads, this one among them; by fewer where no more can be had. An
// exception ends that piece of work alone: what it leaves undone, `work` has to have prepared for.
void side_by_side(std::size_t count, std::size_t threads, const std::function<void(std::size_t)> &work);

} // namespace banpush
