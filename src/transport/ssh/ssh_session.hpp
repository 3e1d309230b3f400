// One SSH connection: reached, its host key proven, logged in. CLI, exec channels and NETCONF all stand
// on it; each use of it is by one thread at a time.
#pragma once

#include "transport/dialogue.hpp"
#include "transport/ssh/known_hosts.hpp"
#include "transport/wait.hpp"

#include <functional>
#include <optional>

struct ssh_session_struct;
struct ssh_counter_struct;

namespace banpush {

// Whom to connect to, and as whom.
struct SshTarget {
  std::string name;                   // of the device, for messages
  std::vector<std::string> addresses; // tried in turn; the first that speaks SSH is the one
  std::uint16_t port = 22;
  Login login;
  std::string login_suffix;         // put behind the user name (Driver::login_suffix)
  Pattern password_question;        // Driver::password_question
  std::chrono::seconds timeout{10}; // how long connecting, key exchange and each part of the login may be silent
  std::string device{};             // what `banpush trust` calls it, where that is not the name
};

// The target that a device's configuration and driver mean; `standard_port` where it names none.
SshTarget ssh_target(const Device &device, const Driver &driver, std::uint16_t standard_port);

class SshTunnel;
class LoginTrials;

class SshSession {
public:
  SshSession(SshTarget target, std::shared_ptr<Dialogue> dialogue, const Cancellation &cancellation);
  SshSession(const SshSession &) = delete;
  SshSession &operator=(const SshSession &) = delete;
  ~SshSession(); // says goodbye; channels must be gone by then

  // Connects and agrees on keys, nothing more; of the credentials only a jump host sees something, the
  // key. Throws Error (Connect) with what each address said.
  void connect(const Credentials &credentials);
  // The key the host has just shown.
  PublicKey host_key() const;
  // Throws Error (Connect) unless known_hosts has this very key for the host: an unknown one is shown with
  // its fingerprint, a changed one with both.
  void prove_host_key();
  // Both, and logs in; on a new connection where a server hangs up before all was tried. Throws Error (Auth) with all that
  // was tried and what the server offers where it refused, Error (Connect) where the connection ended before it did, Error
  // (Config) for a key file that cannot be used.
  void open(const Credentials &credentials);

  const SshTarget &target() const noexcept { return target_; }
  const std::string &address() const noexcept { return address_; } // of target().addresses, once connected
  // The address the device sees; behind a jump host, that host's.
  std::optional<Prefix> seen_from() const noexcept { return seen_from_; }
  // The address at the other end of the TCP connection.
  std::optional<Prefix> peer() const noexcept { return peer_; }
  // What the server calls itself and shows before the login, for -v.
  std::string greeting() const;

  // Repeats a call of libssh that returns `again` until it returns something else; SSH_ERROR where the connection has
  // ended meanwhile. Throws Error (Connect) `edge1: WHAT: …` when it does not come to an end within `silence`.
  int finish(const std::function<int()> &call, int again, std::chrono::milliseconds silence, const std::string &what);
  // Waits until libssh has something to do, at most until the deadline.
  void wait(Clock::time_point deadline);
  // The same with one more descriptor to be woken by.
  void wait(Clock::time_point deadline, pollfd other);
  // Waits without reading: what comes stays with the network, and so with the server.
  void pause(std::chrono::milliseconds moment);
  bool connected() const noexcept;
  // As of Transport: asks the server a question that has no meaning (OpenSSH's keepalive) and waits for any word of it. A
  // server that answers no such question stands as long as its TCP acknowledges.
  Transport::Standing standing() noexcept;
  // What has been written and not yet been given to the network is more than a little.
  bool write_pending() const noexcept;
  // Throws Error (Connect) `edge1: WHAT: libssh's words`.
  [[noreturn]] void fail(const std::string &what) const;

  // libssh's own handle; this object keeps it. It is non-blocking.
  ssh_session_struct *handle() const noexcept { return handle_.get(); }

private:
  struct Free {
    void operator()(ssh_session_struct *session) const noexcept;
  };

  // False: the server hung up, and on a new connection something is left to be tried.
  bool log_in(const Credentials &credentials, LoginTrials &trials);
  Transport::Standing ask_whether_it_stands();
  void wait_here(std::vector<pollfd> fds, Clock::time_point deadline);
  void connect_to(const std::string &address, const Credentials &credentials);
  void set_options(const std::string &address);

  SshTarget target_;
  std::shared_ptr<Dialogue> dialogue_;
  const Cancellation &cancellation_;
  std::string address_;
  std::optional<Prefix> seen_from_, peer_;
  std::unique_ptr<SshTunnel> tunnel_;                                  // outlives handle_, which goes through it
  std::unique_ptr<ssh_counter_struct> received_;                       // libssh counts in it, until handle_ is freed
  enum class Answers { Unknown, Yes, No } answers_ = Answers::Unknown; // questions that have no meaning
  std::unique_ptr<ssh_session_struct, Free> handle_;
};

} // namespace banpush
