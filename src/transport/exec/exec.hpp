// Programs as a transport: reads are programs of their own, a change is the standard input of one.
#pragma once

#include "transport/dialogue.hpp"
#include "transport/runner.hpp"

namespace banpush {

// Over LocalRunner for this host, over NftRunner in this process, over SshRunner for exec channels.
class ExecTransport : public Transport {
public:
  // `device` and `driver` outlive it.
  ExecTransport(const Device &device, const Driver &driver, std::shared_ptr<Dialogue> dialogue, std::unique_ptr<Runner> runner);

  Facts open() override;
  Reply ask(const Ask &question) override;
  Delivery send(const Step &step) override;
  void watch() override { runner_->watch(); }
  bool disturbed() override { return runner_->disturbed(); }
  std::optional<std::vector<Shown>> shown() override { return runner_->shown(); }
  Standing standing() noexcept override { return runner_->standing(); }
  void close() noexcept override { runner_->close(); }
  void cancel() noexcept override { runner_->cancel(); }

private:
  Finished run(const std::vector<std::string> &argv, std::string_view input, std::chrono::seconds silence, std::size_t most_bytes);

  const Device &device_;
  const Driver &driver_;
  std::shared_ptr<Dialogue> dialogue_;
  std::unique_ptr<Runner> runner_;
};

} // namespace banpush
