#include "app/turn.hpp"

#include "core/error.hpp"
#include "files/open.hpp"

#include <cerrno>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace banpush {

namespace {

// Below zero where nobody could have a lock. Throws Error (Config) where somebody has taken care that we have none.
int opened(const std::string &state_path, Turn::For whom) {
  const std::string path = state_path + ".turn";
  auto file = open_or_make(path, whom == Turn::For::Group ? Shared::GroupWrites : Shared::Nobody);
  if (file)
    return file->release();
  const int code = file.error().code;
  if (whom == Turn::For::Group || code == ENOENT || code == ENOSPC || code == EDQUOT || code == EROFS || code == EIO || code == EMFILE ||
      code == ENFILE)
    return -1;
  throw Error(ErrorKind::Config, fmt::format("the turn {} cannot be taken: {}", path, file.error().text));
}

} // namespace

std::optional<Turn> Turn::attempt(const std::string &state_path, For whom) {
  const int descriptor = opened(state_path, whom);
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
