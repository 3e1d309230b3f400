// Programs at the other end of an SSH session, each on an exec channel of its own (RFC 4254, 6.5).
#pragma once

#include "transport/runner.hpp"
#include "transport/ssh/ssh_session.hpp"

namespace banpush {

class SshChannel;

class SshRunner : public Runner {
public:
  SshRunner(SshTarget target, Credentials credentials, std::shared_ptr<Dialogue> dialogue);

  Facts open() override;
  // The words are quoted for a POSIX shell, which is what runs them there. A server that ends without
  // telling a status counts as one that failed: status 255.
  Finished run(const Program &program) override;
  Transport::Standing standing() noexcept override { return session_ ? session_->standing() : Transport::Standing::Lost; }
  void close() noexcept override { session_.reset(); }
  void cancel() noexcept override { cancellation_.cancel(); }

private:
  // A channel for one program. A server that allows one at a time counts the last one until it has worked off that it was closed.
  std::unique_ptr<SshChannel> channel_for(const Program &program);

  SshTarget target_;
  Credentials credentials_;
  std::shared_ptr<Dialogue> dialogue_;
  Cancellation cancellation_;
  std::unique_ptr<SshSession> session_;
  bool has_run_ = false; // a program, in this session
};

} // namespace banpush
