// NETCONF over SSH (RFC 6241, 6242) as a transport: one request at a time, each answered before the next.
#pragma once

#include "transport/allowance.hpp"
#include "transport/netconf/netconf_frames.hpp"
#include "transport/netconf/netconf_library.hpp"
#include "transport/netconf/netconf_message.hpp"
#include "transport/ssh/ssh_channel.hpp"

namespace banpush {

class NetconfTransport : public Transport {
public:
  // `device` and `driver` outlive it. Nothing is opened yet.
  NetconfTransport(const Device &device, const Driver &driver, Credentials credentials, std::shared_ptr<Dialogue> dialogue);
  ~NetconfTransport() override { close(); }

  // Facts beside the usual: every capability of RFC 6241 that a driver may ask for, as `:candidate`,
  // `:confirmed-commit:1.1`.
  Facts open() override;
  // A question without an rpc is answered with the capabilities of the device's hello, one a line.
  Reply ask(const Ask &question) override;
  Delivery send(const Step &step) override;
  Standing standing() noexcept override;
  void close() noexcept override;
  void cancel() noexcept override { cancellation_.cancel(); }

private:
  NetconfHello exchange_hellos(const std::vector<std::string> &own);
  void write(std::string_view bytes, std::chrono::seconds silence, const std::string &what);
  std::optional<std::string> message_within(std::chrono::seconds silence, const std::string &what); // nothing when nothing came
  std::string next_message(std::chrono::seconds silence, const std::string &what);
  // Reads what there is, waits for more until the deadline. False when nothing came.
  bool take_some(Clock::time_point deadline);
  // What there is at this moment, in the middle of what is being done.
  bool take_some_while(const std::string &what);
  enum class Repeat { No, Yes }; // whether it may be sent twice: what only asks
  NetconfReply call(const std::string &body, std::chrono::seconds silence, std::size_t most_bytes = Allowance::least,
                    Repeat repeat = Repeat::No);
  std::optional<std::string> first_answer(const NetconfLibrary::Request &request, std::chrono::seconds silence,
                                          const std::string &operation);
  void begin_exchange(std::size_t most_bytes, std::chrono::milliseconds silence, std::size_t sent);
  Delivery judged(const Step &step, const NetconfReply &reply, const std::string &operation);
  bool would_touch_others(const Step &step, const std::string &operation) const;
  [[noreturn]] void lost(const std::string &why);

  const Device &device_;
  const Driver &driver_;
  Credentials credentials_;
  std::shared_ptr<Dialogue> dialogue_;
  Cancellation cancellation_;
  std::unique_ptr<SshSession> session_;
  std::unique_ptr<SshChannel> channel_; // on session_
  std::unique_ptr<NetconfLibrary> library_;
  NetconfFrames frames_;
  std::optional<Allowance> allowance_; // of the exchange under way
  NetconfHello hello_;
  bool lock_denied_ = false; // the last lock was another's
  bool gone_ = false;        // silent or cut: no goodbye
  bool answered_ = false;    // a request of this session
};

} // namespace banpush
