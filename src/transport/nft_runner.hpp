// nftables on this host without a process: what a driver asks of the program nft is answered here.
#pragma once

#include "transport/local.hpp"
#include "transport/nft_library.hpp"

#include <optional>
#include <string>

namespace banpush {

// `nft -f -` and `nft [-a] [-j] [-t] COMMAND…`; all other programs, and nft with other options, are started
// as LocalRunner does. What is under way in this process cannot be cancelled; it takes a second at most.
class NftRunner : public Runner {
public:
  // The name, of a device, stands in front of messages.
  explicit NftRunner(std::string name) : name_(name), programs_(std::move(name)) {}

  Facts open() override;
  Finished run(const Program &program) override;
  void close() noexcept override { library_.reset(); }
  void cancel() noexcept override { programs_.cancel(); }

private:
  std::string name_;
  LocalRunner programs_;
  std::optional<NftLibrary> library_;
};

} // namespace banpush
