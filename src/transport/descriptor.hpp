// A file descriptor that is closed once, by whoever holds it last.
#pragma once

#include <utility>

namespace banpush {

class Descriptor {
public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor &operator=(Descriptor &&other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() { reset(); }

  // -1 when there is none.
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  // Gives the descriptor away without closing it.
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept;

private:
  int fd_ = -1;
};

// A pair of connected descriptors, both closed on exec.
struct Pipe {
  Descriptor read, write;
};
// Throws Error (Connect) when the process has no descriptors left.
Pipe make_pipe();

// Makes reads and writes return at once.
void set_nonblocking(int fd);

// While one of these lives, a write of this thread to a pipe or socket whose reader has gone fails with
// EPIPE instead of ending the process.
class NoSigpipe {
public:
  NoSigpipe() noexcept;
  ~NoSigpipe();
  NoSigpipe(const NoSigpipe &) = delete;
  NoSigpipe &operator=(const NoSigpipe &) = delete;

private:
  bool was_blocked_ = false, was_pending_ = false;
};

} // namespace banpush
