#include "app/turn.hpp"

#include "bans/sqlite.hpp"

#include <cerrno>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace banpush {

namespace {

int opened(const std::string &state_path) {
  const std::string path = state_path + ".turn";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor >= 0)
    give_to_folder_owner(descriptor, path);
  return descriptor;
}

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

std::optional<Turn> Turn::within(const std::string &state_path, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (auto turn = attempt(state_path))
      return turn;
    if (std::chrono::steady_clock::now() >= end)
      return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
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
