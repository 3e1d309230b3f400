// An SSH device inside the test: libssh's server side on a loopback port, with a CliDevice behind its
// shell and a function behind its exec channels. Everything about it, keys too, is made at its start.
#pragma once

#include "fakes/cli_device.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace banpush::fakes {

// What an exec channel gives back.
struct Program {
  int status = 0;
  std::string output, errors;
  bool tells_status = true;
};

struct SshDeviceOptions {
  std::string user = "banpush", password = "login-pw"; // an empty password is never right
  std::string authorized_key;                          // `ssh-ed25519 AAAA…`; empty: none
  bool none = false;                                   // nobody needs to log in
  std::string question;                                // keyboard-interactive asks this; empty: not offered
  bool echo_answer = false;                            // and shows what is typed
  bool offers_password = true, offers_key = true;
  std::string banner;               // before the login
  std::size_t most_sessions = 1000; // further connections are closed at once
  bool silent_at_connect = false;   // takes connections and says nothing at all
  bool silent_at_login = false;     // and no more after the key exchange
  int most_tries = 0;               // refused credentials on a connection; at the last it hangs up instead of refusing it
  std::string last_words;           // and says this; empty: nothing
  std::string ends_at;              // the connection ends without a word when this is asked for: none, password
  bool byte_by_byte = false;        // each byte of a shell is a packet of its own
  bool refuse_shell = false;
  bool hard_end = false;                         // the connection ends without a word where the device hangs up
  std::function<CliDevice()> cli = small_router; // for each session anew
  std::function<Program(const std::string &command, const std::string &input)> program;
};

class SshDevice {
public:
  explicit SshDevice(SshDeviceOptions options = {});
  SshDevice(const SshDevice &) = delete;
  SshDevice &operator=(const SshDevice &) = delete;
  ~SshDevice(); // ends all sessions

  std::uint16_t port() const noexcept;    // on 127.0.0.1
  const std::string &known_host() const;  // its line of known_hosts, with a line feed
  const std::string &fingerprint() const; // SHA256:…
  // All lines that shells have got, of all sessions in order.
  std::vector<std::string> received() const;
  std::size_t sessions() const;  // until now
  std::size_t passwords() const; // that were tried, right or wrong, until now
  std::size_t open_sessions() const;
  std::string terminal() const; // `vt100 511x1000`, of the last shell

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace banpush::fakes
