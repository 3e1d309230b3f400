// Programs on this host, without a shell.
#pragma once

#include "transport/runner.hpp"
#include "transport/wait.hpp"

namespace banpush {

// Each program is a process group of its own with a small fixed environment (PATH, HOME, LC_ALL=C) and no
// descriptor but its three; both outputs are drained while its input is written; what hangs gets TERM,
// then KILL.
class LocalRunner : public Runner {
public:
  // The name, of a device, stands in front of messages.
  LocalRunner() = default;
  explicit LocalRunner(std::string name) : name_(std::move(name)) {}

  Facts open() override { return {}; }
  Finished run(const Program &program) override;
  void close() noexcept override {}
  void cancel() noexcept override { cancellation_.cancel(); }

private:
  std::string name_;
  Cancellation cancellation_;
};

} // namespace banpush
