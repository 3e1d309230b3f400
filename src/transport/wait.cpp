#include "transport/wait.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <sys/eventfd.h>
#include <unistd.h>

namespace banpush {

Cancellation::Cancellation() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_)
    throw Error(ErrorKind::Connect, std::string("cannot make an event descriptor: ") + std::strerror(errno));
}

void Cancellation::cancel() noexcept {
  cancelled_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

bool wait_for(std::vector<pollfd> &fds, Clock::time_point deadline, const Cancellation &cancellation) {
  fds.push_back({cancellation.fd(), POLLIN, 0});
  int ready = 0;
  do {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000)));
  } while (ready < 0 && errno == EINTR);
  fds.pop_back();
  if (cancellation.cancelled())
    throw Error(ErrorKind::Connect, "cancelled");
  return ready > 0;
}

} // namespace banpush
