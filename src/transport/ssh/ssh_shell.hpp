// A shell on a terminal, over an SSH session (RFC 4254, 6.2 and 6.5).
#pragma once

#include "transport/byte_stream.hpp"
#include "transport/ssh/ssh_channel.hpp"

namespace banpush {

class SshShell : public ByteStream {
public:
  // The session must outlive it. Throws Error (Connect) when the server gives no terminal or shell.
  SshShell(SshSession &session, int columns, int rows, std::chrono::milliseconds silence);

  std::size_t write_some(std::string_view bytes) override { return channel_.write_some(bytes); }
  std::string read_some(Clock::time_point deadline) override;
  void pause(std::chrono::milliseconds moment) override { session_.pause(moment); }
  bool at_end() const noexcept { return channel_.at_end(); }

private:
  SshSession &session_;
  SshChannel channel_;
};

} // namespace banpush
