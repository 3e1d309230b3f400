#include "transport/ssh/ssh_session.hpp"

#include "transport/judgement.hpp"
#include "transport/ssh/login_trials.hpp"
#include "transport/ssh/ssh_key.hpp"
#include "transport/ssh/ssh_tunnel.hpp"
#include "transport/tcp.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <libssh/libssh.h>
#include <libssh/server.h> // ssh_send_keepalive
#include <sys/socket.h>
#include <sys/time.h>

namespace banpush {

namespace {

// Old methods in front of libssh's own, for a device that asks for it by `legacy_algorithms`.
struct Option {
  enum ssh_options_e option;
  const char *methods;
};
constexpr const char *legacy_ciphers = "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,"
                                       "aes128-ctr,aes256-cbc,aes192-cbc,aes128-cbc,3des-cbc";
constexpr const char *legacy_macs = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512,"
                                    "hmac-sha1-etm@openssh.com,hmac-sha1";
constexpr const char *legacy_keys =
    "ssh-ed25519,ecdsa-sha2-nistp521,ecdsa-sha2-nistp384,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256,ssh-rsa";
constexpr const char *host_keys = // libssh's own, but those on a token, which no host has
    "ssh-ed25519,ecdsa-sha2-nistp521,ecdsa-sha2-nistp384,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256";
constexpr Option legacy[] = {
    {SSH_OPTIONS_KEY_EXCHANGE, "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
                               "diffie-hellman-group18-sha512,diffie-hellman-group16-sha512,diffie-hellman-group-exchange-sha256,"
                               "diffie-hellman-group14-sha256,diffie-hellman-group-exchange-sha1,diffie-hellman-group14-sha1,"
                               "diffie-hellman-group1-sha1"},
    {SSH_OPTIONS_HOSTKEYS, legacy_keys},
    {SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, legacy_keys},
    {SSH_OPTIONS_CIPHERS_C_S, legacy_ciphers},
    {SSH_OPTIONS_CIPHERS_S_C, legacy_ciphers},
    {SSH_OPTIONS_HMAC_C_S, legacy_macs},
    {SSH_OPTIONS_HMAC_S_C, legacy_macs},
};

// Kinds of keys, those that are known of the host first, so that a host with several shows that one.
std::string known_first(const std::string &kinds, const std::vector<PublicKey> &known) {
  std::string first, rest;
  for (std::size_t at = 0; at < kinds.size();) {
    const std::size_t end = std::min(kinds.find(',', at), kinds.size());
    const std::string kind = kinds.substr(at, end - at);
    const std::string type = kind.rfind("rsa-sha2-", 0) == 0 ? "ssh-rsa" : kind; // signatures by the same key
    const bool is_known = std::any_of(known.begin(), known.end(), [&](const PublicKey &key) { return key.type == type; });
    (is_known ? first : rest) += "," + kind;
    at = end + 1;
  }
  return (first + rest).substr(1);
}

bool is_readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, 0) > 0;
}

std::string keys_text(const std::vector<PublicKey> &keys) {
  std::string out;
  for (const PublicKey &key : keys)
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", key.type, key.fingerprint);
  return out;
}

} // namespace

SshTarget ssh_target(const Device &device, const Driver &driver, std::uint16_t standard_port) {
  return {device.name,
          device.addresses,
          device.port != 0 ? device.port : standard_port,
          device.login,
          driver.login_suffix,
          driver.password_question,
          std::chrono::seconds(std::max<Seconds>(device.connect_timeout, 1))};
}

// libssh 0.10 closes a descriptor that it was given when the connection breaks and in ssh_free, but not in
// ssh_disconnect.
void SshSession::Free::operator()(ssh_session_struct *session) const noexcept {
  if (ssh_is_connected(session) != 0) {
    const Descriptor left(ssh_get_fd(session));
    ssh_disconnect(session);
  }
  ssh_free(session);
}

SshSession::SshSession(SshTarget target, std::shared_ptr<Dialogue> dialogue, const Cancellation &cancellation)
    : target_(std::move(target)), dialogue_(std::move(dialogue)), cancellation_(cancellation) {}

SshSession::~SshSession() = default;

void SshSession::fail(const std::string &what) const {
  const char *said = handle_ ? ssh_get_error(handle_.get()) : "";
  throw Error(ErrorKind::Connect, fmt::format("{}: {}{}{}", target_.name, what, *said != '\0' ? ": " : "", in_one_line(said)));
}

bool SshSession::connected() const noexcept { return handle_ && ssh_is_connected(handle_.get()) != 0; }

bool SshSession::write_pending() const noexcept { return (ssh_get_status(handle_.get()) & SSH_WRITE_PENDING) != 0; }

// While it is idle nobody reads: what came meanwhile is looked at first.
Transport::Standing SshSession::ask_whether_it_stands() {
  constexpr std::chrono::seconds patience{3};
  using Standing = Transport::Standing;
  const auto gone = [this] {
    const std::string_view said = ssh_get_error(handle_.get());
    const bool told = said.find("SSH_MSG_DISCONNECT") != std::string_view::npos || said.find("disconnected") != std::string_view::npos;
    return told ? Standing::Ended : Standing::Lost;
  };
  // A call asks, or looks for the answer that is due; the first may find one that came late.
  const auto ask = [this] { ssh_send_keepalive(handle_.get()); };
  constexpr int most_reads = 256; // of some kilobytes each
  for (int reads = 0; reads < most_reads && connected() && is_readable(ssh_get_fd(handle_.get())); ++reads)
    ask();
  const std::uint64_t before = received_->in_packets;
  const auto deadline = Clock::now() + patience;
  for (bool first = true;; first = false) {
    ask();
    if (!connected())
      return gone();
    if (answers_ == Answers::No)
      return is_acknowledged(ssh_get_fd(handle_.get())) ? Standing::Yes : Standing::Lost;
    if (received_->in_packets != before) {
      answers_ = Answers::Yes;
      return Standing::Yes;
    }
    if (Clock::now() >= deadline)
      break;
    if (!first)
      wait(deadline);
  }
  if (answers_ == Answers::Yes || !is_acknowledged(ssh_get_fd(handle_.get())))
    return Standing::Lost;
  answers_ = Answers::No;
  return Standing::Yes;
}

Transport::Standing SshSession::standing() noexcept {
  try {
    return connected() ? ask_whether_it_stands() : Transport::Standing::Lost;
  } catch (const std::exception &) { // cancelled, or no memory
    return Transport::Standing::Lost;
  }
}

void SshSession::wait(Clock::time_point deadline) { wait(deadline, pollfd{-1, 0, 0}); }

void SshSession::pause(std::chrono::milliseconds moment) { wait_here({}, Clock::now() + moment); }

void SshSession::wait_here(std::vector<pollfd> fds, Clock::time_point deadline) {
  try {
    wait_for(fds, deadline, cancellation_);
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("{}: {}", target_.name, error.what()));
  }
}

void SshSession::wait(Clock::time_point deadline, pollfd other) {
  // libssh gives its pending bytes to the network only from its own poll, and only when that says so.
  const bool writes = write_pending() || (ssh_get_poll_flags(handle_.get()) & SSH_WRITE_PENDING) != 0;
  const auto events = static_cast<short>(POLLIN | (writes ? POLLOUT : 0));
  const int fd = ssh_get_fd(handle_.get());
  if (fd < 0)
    return; // broken: the next call says so
  wait_here({{fd, events, 0}, other}, deadline);
}

int SshSession::finish(const std::function<int()> &call, int again, std::chrono::milliseconds silence, const std::string &what) {
  const auto deadline = Clock::now() + silence;
  while (true) {
    const int rc = call();
    if (rc != again)
      return rc;
    if (!connected()) // libssh itself would wait on for what cannot come any more
      return SSH_ERROR;
    if (Clock::now() >= deadline)
      throw Error(ErrorKind::Connect, fmt::format("{}: {}: no answer in {} s", target_.name, what, silence.count() / 1000));
    wait(deadline);
  }
}

void SshSession::set_options(const std::string &address) {
  const ssh_session session = handle_.get();
  const int off = 0;
  const unsigned port = target_.port;
  const long timeout = static_cast<long>(target_.timeout.count());
  const KnownKeys known = known_keys(target_.login.known_hosts, host_in_file(address, target_.port));
  ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &off); // ~/.ssh/config is somebody else's
  ssh_options_set(session, SSH_OPTIONS_LOG_VERBOSITY, &off);
  ssh_options_set(session, SSH_OPTIONS_PORT, &port);
  ssh_options_set(session, SSH_OPTIONS_USER, (target_.login.username + target_.login_suffix).c_str());
  ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &timeout);
  // libssh would wait at a pipe that somebody puts there: the file is read by us alone.
  ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
  ssh_options_set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
  if (ssh_options_set(session, SSH_OPTIONS_HOST, address.c_str()) != SSH_OK)
    fail("cannot use the address " + address);
  if (target_.login.legacy_algorithms)
    for (const Option &option : legacy)
      if (ssh_options_set(session, option.option, option.methods) != SSH_OK)
        fail("cannot ask for legacy algorithms");
  const std::string kinds = known_first(target_.login.legacy_algorithms ? legacy_keys : host_keys, known.trusted);
  if (ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, kinds.c_str()) != SSH_OK)
    fail("cannot ask for the host keys " + kinds);
}

void SshSession::connect_to(const std::string &address, const Credentials &credentials) {
  handle_.reset(); // before the tunnel it goes through
  tunnel_.reset();
  Descriptor connection;
  const std::string where = place(address, target_.port);
  if (target_.login.jump.empty()) {
    try {
      connection = connect_tcp(address, target_.port, target_.timeout, cancellation_);
    } catch (const Error &error) {
      throw Error(error.kind(), fmt::format("{}: {}", target_.name, error.what()));
    }
  } else {
    tunnel_ = std::make_unique<SshTunnel>(target_, address, credentials, dialogue_, cancellation_);
    connection = tunnel_->take_end();
  }
  seen_from_ = tunnel_ ? tunnel_->seen_from() : own_address(connection.get());
  peer_ = peer_address(connection.get());
  // libssh writes to a blocking socket when poll says it is ready: this is the end of it if that is wrong.
  const timeval limit{target_.timeout.count(), 0};
  ::setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);

  handle_.reset(ssh_new());
  if (!handle_)
    throw Error(ErrorKind::Connect, target_.name + ": no memory for an SSH session");
  set_options(address);
  received_ = std::make_unique<ssh_counter_struct>();
  ssh_set_counters(handle_.get(), nullptr, received_.get());
  answers_ = Answers::Unknown;
  ssh_set_blocking(handle_.get(), 0);
  const int fd = connection.release(); // from the first call of ssh_connect on it is libssh's
  ssh_options_set(handle_.get(), SSH_OPTIONS_FD, &fd);
  const int rc = finish([&] { return ssh_connect(handle_.get()); }, SSH_AGAIN, target_.timeout, "connected to " + where + ", no SSH there");
  if (rc != SSH_OK) {
    const bool no_match = std::string_view(ssh_get_error(handle_.get())).find("no match") != std::string_view::npos;
    fail(
        fmt::format("no SSH session with {}{}", where,
                    no_match && !target_.login.legacy_algorithms ? " (`legacy_algorithms: yes` on this device would allow old ones)" : ""));
  }
  address_ = address;
  dialogue_->note(fmt::format("connected to {}, {}", where, in_one_line(greeting())));
}

void SshSession::connect(const Credentials &credentials) {
  if (target_.login.username.empty())
    throw Error(ErrorKind::Config, target_.name + ": no user name to log in with (`username`)");
  std::string failures;
  for (const std::string &address : target_.addresses) {
    try {
      connect_to(address, credentials);
      return;
    } catch (const Error &error) {
      if (error.kind() != ErrorKind::Connect || target_.addresses.size() == 1 || cancellation_.cancelled())
        throw;
      dialogue_->note(error.what());
      std::string_view words = error.what();
      words.remove_prefix(std::min(words.size(), target_.name.size() + 2)); // the name stands in front once
      failures += fmt::format("{}{}", failures.empty() ? "" : "; ", words);
    }
  }
  throw Error(ErrorKind::Connect, fmt::format("{}: {}", target_.name, failures.empty() ? "no address to connect to" : failures));
}

PublicKey SshSession::host_key() const {
  ssh_key key = nullptr;
  if (ssh_get_server_publickey(handle_.get(), &key) != SSH_OK)
    fail("the host shows no key");
  return public_key(SshKey(key).get());
}

void SshSession::prove_host_key() {
  const PublicKey shown = host_key();
  const std::string &file = target_.login.known_hosts;
  const std::string host = host_in_file(address_, target_.port);
  const std::string &device = target_.device.empty() ? target_.name : target_.device;
  const KnownKeys known = known_keys(file, host);
  const std::string what = fmt::format("{}: host key of {} ", target_.name, place(address_, target_.port));
  if (std::find(known.revoked.begin(), known.revoked.end(), shown) != known.revoked.end())
    throw Error(ErrorKind::Connect, fmt::format("{}is revoked in {}: {} {}", what, file, shown.type, shown.fingerprint));
  if (std::find(known.trusted.begin(), known.trusted.end(), shown) != known.trusted.end())
    return;
  if (known.trusted.empty())
    throw Error(ErrorKind::Connect, fmt::format("{}is not known: it shows {} {}; compare that with the device's own and enrol it with "
                                                "`banpush trust {}`",
                                                what, shown.type, shown.fingerprint, device));
  throw Error(ErrorKind::Connect,
              fmt::format("{}HAS CHANGED: it shows {} {}, {} has {}; if the device really has a new key, replace it with "
                          "`banpush trust {} --replace`",
                          what, shown.type, shown.fingerprint, file, keys_text(known.trusted), device));
}

void SshSession::open(const Credentials &credentials) {
  LoginTrials trials;
  do {
    connect(credentials);
    prove_host_key();
  } while (!log_in(credentials, trials));
}

std::string SshSession::greeting() const {
  const char *server = ssh_get_serverbanner(handle_.get());
  std::string text = server == nullptr ? "" : server;
  if (char *banner = ssh_get_issue_banner(handle_.get())) {
    text += fmt::format("\n{}", banner);
    ssh_string_free_char(banner);
  }
  return text;
}

} // namespace banpush
