// One SSH connection to an emulated device: login, then a shell or single commands.
#pragma once

#include "lab/ssh/ssh_server.hpp"

struct ssh_session_struct;

namespace banpush::lab {

class SshConnection {
public:
  // Takes the session, on which a connection was just accepted.
  SshConnection(Emulated &device, ssh_session_struct *session, Clock::time_point now);
  SshConnection(const SshConnection &) = delete;
  SshConnection &operator=(const SshConnection &) = delete;
  ~SshConnection();

  pollfd poll_for() const;
  // Lets libssh work, then the terminal, then sends what it can.
  void serve(Clock::time_point now);
  std::optional<Clock::time_point> due() const;
  bool over() const noexcept;
  // Ends it without a word, as a broken line does.
  void cut() noexcept;

  struct State; // libssh's callbacks know it

private:
  std::unique_ptr<State> state_;
};

} // namespace banpush::lab
