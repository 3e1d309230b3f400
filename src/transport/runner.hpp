// Where programs run: on this host, or at the other end of an SSH session.
#pragma once

#include "core/driver/installed.hpp"
#include "transport/allowance.hpp"
#include "transport/transport.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

// A program and what it gets on its standard input, which is closed behind that.
struct Program {
  const std::vector<std::string> &argv; // the first is looked for in PATH
  std::string_view input;
  std::chrono::milliseconds silence{30'000}; // without a byte in or out, and without an end, it is ended
  std::size_t most_bytes = Allowance::least; // that it may say on both outputs together
};

// How it went. A program that cannot be found or started has status 127 or 126, as with a shell, and the
// reason in `errors`.
struct Finished {
  int exit = 0;       // 128 and the signal's number when it was killed
  std::string killed; // `killed by signal 9 (Killed)`; empty when it ended by itself
  std::string output, errors;
};

// What it may say and how long it may take: to what it is given it may say as much again.
inline Allowance allowance_for(const Program &program) {
  constexpr std::size_t bytes_a_second = 16U << 10U; // of input, that the slowest of them works off
  return Allowance(program.most_bytes + 2 * program.input.size(), program.silence,
                   std::chrono::seconds(program.input.size() / bytes_a_second));
}

// Messages of what it throws begin with the device's name.
class Runner {
public:
  virtual ~Runner() = default;
  // Facts: seen_from and greeting only. Throws Error (Connect, Auth).
  virtual Facts open() = 0;
  // Throws Error (Connect) when the session is lost, the program is silent too long, or cancelled; Error (Device) when it says
  // more than it may, or takes longer. The program has ended then.
  virtual Finished run(const Program &program) = 0;
  // As of Transport.
  virtual void watch() {}
  virtual bool disturbed() { return false; }
  virtual std::optional<std::vector<Shown>> shown() { return std::nullopt; }
  virtual Transport::Standing standing() noexcept { return Transport::Standing::Yes; }
  virtual void close() noexcept = 0;
  // From another thread.
  virtual void cancel() noexcept = 0;
};

// The words as one command line of a POSIX shell: what is not plainly harmless stands in single quotes.
// Throws Error (Device) for a word with a NUL in it.
std::string command_line(const std::vector<std::string> &argv);

} // namespace banpush
