// libnftables, loaded when the first session to this host's nftables is opened and not before: the program
// starts no slower for it, and runs where it is not installed.
#pragma once

#include "transport/runner.hpp"

#include <memory>
#include <string>
#include <string_view>

struct nft_ctx;

namespace banpush {

// What is printed, as the options of the program nft have it.
struct NftPrint {
  bool json = false;    // -j
  bool handles = false; // -a
  bool terse = false;   // -t: sets without their elements
};

// One session with the library. Calls from several threads wait for each other: it keeps state of its own
// beside its sessions.
class NftLibrary {
public:
  // Throws Error (Connect) where the library is not installed, or the kernel gives no netlink socket.
  NftLibrary();
  ~NftLibrary();
  NftLibrary(const NftLibrary &) = delete;
  NftLibrary &operator=(const NftLibrary &) = delete;

  // Status, output and errors as of the program nft: given this command line, or this on its standard input.
  Finished command(const std::string &words, NftPrint print);
  Finished input(std::string_view text);

private:
  struct Free {
    void operator()(nft_ctx *session) const noexcept;
  };
  std::unique_ptr<nft_ctx, Free> session_;
};

} // namespace banpush
