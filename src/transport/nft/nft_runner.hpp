// nftables on this host without a process: what a driver asks of the program nft is answered here.
#pragma once

#include "transport/exec/local.hpp"
#include "transport/nft/nft_kernel.hpp"
#include "transport/nft/nft_library.hpp"

#include <optional>
#include <string>
#include <vector>

namespace banpush {

// `nft -f -` and `nft [-a] [-j] [-t] COMMAND…`; all other programs, and nft with other options, are started
// as LocalRunner does. What is under way in this process cannot be cancelled; it takes some seconds at most.
//
// libnftables does it all but for what it does slowly, because it reads every element first: adding and deleting
// elements, and listing a table. There the kernel is asked by netlink; where that answers anything out of the
// ordinary, the library is asked after all.
class NftRunner : public Runner {
public:
  // The name, of a device, stands in front of messages.
  explicit NftRunner(std::string name) : name_(name), programs_(std::move(name)) {}

  Facts open() override;
  Finished run(const Program &program) override;
  void watch() override;
  bool disturbed() override;
  std::optional<std::vector<Shown>> shown() override;
  void close() noexcept override;
  void cancel() noexcept override { programs_.cancel(); }

private:
  struct Open {
    NftLibrary library;
    NftKernel kernel;
    std::optional<NftWatch> watch;     // nothing: nobody knows who changes what
    std::vector<NftStatement> written; // by the last step, as far as the kernel can be asked for it
  };
  Finished input(std::string_view text);
  Finished command(const std::string &words, NftPrint print);
  std::optional<std::string> table_as_json(const NftTableName &table, NftPrint print);

  std::string name_;
  LocalRunner programs_;
  std::optional<Open> open_;
};

} // namespace banpush
