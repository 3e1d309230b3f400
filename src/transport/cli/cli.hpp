// A device's command line over SSH as a transport.
#pragma once

#include "transport/cli/cli_dialog.hpp"
#include "transport/ssh/ssh_shell.hpp"

namespace banpush {

class CliTransport : public Transport {
public:
  // `device` and `driver` outlive it. Nothing is opened yet.
  CliTransport(const Device &device, const Driver &driver, Credentials credentials, std::shared_ptr<Dialogue> dialogue);
  ~CliTransport() override { close(); }

  Facts open() override;
  Reply ask(const Ask &question) override;
  std::vector<Reply> ask_all(const std::vector<Ask> &questions) override;
  bool asks_at_once() const noexcept override { return driver_.window.lines > 1; }
  void remember(Pace known) override { known_ = known; }
  std::optional<Pace> learnt() const override { return dialog_ ? dialog_->learnt() : known_; }
  Delivery send(const Step &step) override;
  Standing standing() noexcept override;
  std::optional<std::pair<std::string, std::string>> renamed() const override { return dialog_ ? dialog_->renamed() : std::nullopt; }
  void close() noexcept override;
  void cancel() noexcept override { cancellation_.cancel(); }

private:
  std::chrono::seconds silence() const noexcept { return silence_of(device_, driver_, driver_.silence); }
  CliDialog &dialog();
  void set_up();

  const Device &device_;
  const Driver &driver_;
  Credentials credentials_;
  std::shared_ptr<Dialogue> dialogue_;
  Cancellation cancellation_;
  Values values_;
  Pace known_;
  std::unique_ptr<SshSession> session_;
  std::unique_ptr<SshShell> shell_;   // on session_
  std::unique_ptr<CliDialog> dialog_; // on shell_
};

} // namespace banpush
