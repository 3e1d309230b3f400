#include "transport/ssh/ssh_shell.hpp"

namespace banpush {

SshShell::SshShell(SshSession &session, int columns, int rows, std::chrono::milliseconds silence)
    : session_(session), channel_(session, silence) {
  channel_.start_shell("vt100", columns, rows);
}

std::string SshShell::read_some(Clock::time_point deadline) {
  channel_.pump();
  std::string bytes = channel_.take_output() + channel_.take_errors();
  if (!bytes.empty())
    return bytes;
  if (channel_.at_end())
    throw Error(ErrorKind::Connect, session_.target().name + ": the device ended the session");
  if (Clock::now() >= deadline)
    return {};
  session_.wait(deadline);
  channel_.pump();
  return channel_.take_output() + channel_.take_errors();
}

} // namespace banpush
