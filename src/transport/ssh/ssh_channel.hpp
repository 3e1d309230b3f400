// One channel of an SSH session (RFC 4254): a shell, a program, or a connection onwards. Nothing here
// waits for data; SshSession::wait does.
#pragma once

#include "transport/ssh/ssh_session.hpp"

struct ssh_channel_struct;

namespace banpush {

class SshChannel {
public:
  // Opens a session channel. The session must outlive it. Throws Error (Connect) when the server refuses.
  SshChannel(SshSession &session, std::chrono::milliseconds silence);
  // Opens a connection from the server on to a host of its own (direct-tcpip).
  SshChannel(SshSession &session, const std::string &host, std::uint16_t port, std::chrono::milliseconds silence);
  SshChannel(const SshChannel &) = delete;
  SshChannel &operator=(const SshChannel &) = delete;
  ~SshChannel();

  // Each throws Error (Connect) when the server refuses.
  void start_program(const std::string &command_line);
  void start_shell(const char *terminal, int columns, int rows);
  void start_subsystem(const char *name);

  // Takes some of the bytes; 0 while what was taken before is still on its way. Throws Error (Connect)
  // when the session or the channel is gone.
  std::size_t write_some(std::string_view bytes);
  void end_input();
  // Lets libssh read and write what it can without waiting. Throws Error (Connect) when the session is lost.
  void pump();
  // What has come since it was last asked for.
  std::string take_output() { return std::exchange(output_, {}); }
  std::string take_errors() { return std::exchange(errors_, {}); }

  // The other end has said that it says no more; what it said before has come.
  bool at_end() const noexcept;
  bool closed() const noexcept;
  // Of a program, once the server has told it.
  std::optional<int> exit_status() const noexcept;
  // The signal that killed it, without SIG; empty when none did.
  const std::string &exit_signal() const noexcept;
  // TERM to the program, as far as the server passes that on.
  void terminate() noexcept;

private:
  struct State;
  void request(const std::function<int()> &call, const std::string &what);

  SshSession &session_;
  std::chrono::milliseconds silence_;
  std::string output_, errors_;
  std::unique_ptr<State> state_;
};

} // namespace banpush
