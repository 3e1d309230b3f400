// The one exception banpush throws on purpose. Its kind says what to do next; its text says what
// was attempted, on what, and what came back.
#pragma once

#include <stdexcept>
#include <string>

namespace banpush {

enum class ErrorKind {
  Usage,   // the command line asks for something that cannot be: exit code 2
  Config,  // a file of configuration, driver, template, allowlist or secret is wrong: exit code 2
  Table,   // the ban table cannot be reached, read or written: exit code 3
  Connect, // no session to the device (network, host key, time-out): exit code 1, try again
  Auth,    // the device refused the login: exit code 1, do not try again soon
  Device,  // the device refused, or shows something other than it said: exit code 1
  Guard,   // a rule of safety or a limit says no, a person decides: exit code 5
};

class Error : public std::runtime_error {
public:
  Error(ErrorKind kind, const std::string &text) : std::runtime_error(text), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }

private:
  ErrorKind kind_;
};

// What was found wrong with a short text from outside (an address, a port, a duration), and the
// 1-based column where. Used where bad input is expected and counted, so nothing is thrown.
struct Problem {
  std::string what;
  std::size_t column = 1;
};

} // namespace banpush
