// NETCONF's requests as libnetconf2 makes them, without a wire: it writes into a file in memory and reads
// from a pipe, and who owns this object carries the bytes. So no call of it ever waits for a device, none
// needs a thread, and the device's hello reaches it without the hundreds of schemas it would fetch.
#pragma once

#include "transport/descriptor.hpp"

#include <cstdint>
#include <memory>
#include <string>

struct nc_session;

namespace banpush {

class NetconfLibrary {
public:
  enum class Framing { EndOfMessage, Chunks };
  // A session in which both hellos are exchanged. `who` stands in front of messages. Throws Error (Config)
  // where the base modules of NETCONF are not on this machine.
  NetconfLibrary(std::string who, Framing framing);
  NetconfLibrary(const NetconfLibrary &) = delete;
  NetconfLibrary &operator=(const NetconfLibrary &) = delete;
  ~NetconfLibrary();

  struct Request {
    std::uint64_t message_id = 0;
    std::string bytes; // framed, ready for the wire
  };
  // `body` is what stands in <rpc>; in NETCONF's own namespace unless it says. Throws Error (Config) for XML
  // that is none and for an operation or parameter that NETCONF does not have.
  Request request(const std::string &body);
  // The device has answered the request; only then the next one may be made.
  void answered(const Request &request);

private:
  struct End {
    void operator()(nc_session *session) const noexcept;
  };
  std::string take_written();
  void give(const std::string &message);
  [[noreturn]] void fail(const std::string &what) const;

  std::string who_;
  Framing framing_;
  Descriptor written_; // a file in memory
  Pipe answers_;
  struct Rpc;
  std::unique_ptr<Rpc> rpc_; // under way
  std::unique_ptr<nc_session, End> session_;
};

} // namespace banpush
