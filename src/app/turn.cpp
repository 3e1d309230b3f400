#include "app/turn.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace banpush {

namespace {

int opened(const std::string &state_path) { return ::open((state_path + ".turn").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); }

} // namespace

Turn Turn::wait(const std::string &state_path) {
  const int descriptor = opened(state_path);
  while (descriptor >= 0 && ::flock(descriptor, LOCK_EX) != 0 && errno == EINTR) {
  }
  return Turn(descriptor);
}

std::optional<Turn> Turn::attempt(const std::string &state_path) {
  const int descriptor = opened(state_path);
  if (descriptor >= 0 && ::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor);
    return std::nullopt;
  }
  return Turn(descriptor);
}

Turn::Turn(Turn &&other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Turn &Turn::operator=(Turn &&other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Turn::~Turn() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

} // namespace banpush
