// How bytes reach a device: one session, behind which SSH CLI, exec, this host or NETCONF stand.
#pragma once

#include "core/error.hpp"
#include "core/script/script.hpp"
#include "settings/config.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace banpush {

// What an exchange with a device may bring in, in bytes as received, where nothing says that it is a list.
inline constexpr std::size_t most_answer = 4U << 20U;

// One question to the device that changes nothing: a CLI line, an argv, or an RPC body.
struct Ask {
  std::string send;
  std::vector<std::string> run; // whole, as Step::argv: Device::run_with stands in front already
  std::string rpc;
  std::size_t most_bytes = most_answer; // that its answer may have
};

// What was learnt of how much a command line takes at a time, in bytes on their way to it unanswered.
struct Pace {
  std::size_t bytes = 0;     // that it has taken; 0: nothing is known
  std::size_t lost_with = 0; // with which it lost some; 0: it never did

  friend bool operator==(const Pace &, const Pace &) = default;
};

// How one step went. Never throws for what the device says; throws Error (Connect) when the session is gone.
struct Delivery {
  bool accepted = false; // every line answered, no complaint, what was expected came
  std::size_t lines = 0; // answered without complaint
  std::size_t sent = 0;  // lines that went out, where they go one by one
  std::string complaint; // `line 14 "deny ip host 192.0.2.1 any": device said "% Invalid input"`; beside consent, a warning
  bool refused = false;  // the complaint is that the device asked again, what it had been answered was refused
  bool busy = false;     // the complaint is one of the driver's `busy`: worth trying again
  bool lost = false;     // the device lost some of what was sent ahead of its answers: with less ahead it will take it
  std::string words;     // everything the device said, for the audit; secrets redacted
};

// The session ended, or went silent, in the middle of a step that goes line by line.
struct CutOff : Error {
  CutOff(ErrorKind kind, const std::string &text, std::size_t lines_accepted, std::size_t lines_sent)
      : Error(kind, text), accepted(lines_accepted), sent(lines_sent) {}
  std::size_t accepted, sent;
};

// What the device shows of one entry that was asked for by itself.
struct Shown {
  std::string list; // as the device calls it
  Prefix prefix;
  bool there = false;
};

class Transport {
public:
  virtual ~Transport() = default;
  // Connects, proves the host key, logs in, learns the prompt, sends the session lines. Facts: seen_from
  // and greeting only. Throws Error (Connect, Auth, Device).
  virtual Facts open() = 0;
  // Throws Error (Connect) on silence or a lost session.
  virtual Reply ask(const Ask &question) = 0;
  // Several questions at once, where the device takes them so; the replies in their order. Throws as ask() does.
  virtual std::vector<Reply> ask_all(const std::vector<Ask> &questions) {
    std::vector<Reply> replies;
    for (const Ask &question : questions)
      replies.push_back(ask(question));
    return replies;
  }
  // Whether several at once take less time than one after the other.
  virtual bool asks_at_once() const noexcept { return false; }
  virtual Delivery send(const Step &step) = 0;

  // Before the device's lists are read whole: from now on it is watched whether anybody else changes what is
  // asked. Where a transport cannot tell, nothing.
  virtual void watch() {}
  // Whether somebody else has changed it since watch(); false, too, where that cannot be told.
  virtual bool disturbed() { return false; }
  // What the device shows now of the entries that the last step wrote or took away, each asked for by itself:
  // only when it is proven that nobody else changed anything since watch(). Nothing: read the whole.
  virtual std::optional<std::vector<Shown>> shown() { return std::nullopt; }

  // Whether the session still stands, by what has come of its end and by a question to the peer that means nothing.
  // Asked where it was idle, before it is used again, and from time to time, so that whatever translates addresses on
  // the way does not forget it. A session that does not stand is of no further use.
  enum class Standing { Yes, Ended, Lost }; // Ended: the device has said so; Lost: no answer, or cut
  virtual Standing standing() noexcept { return Standing::Yes; }

  // What is known of how much it takes at a time, before open(); and what was learnt of it. Nothing where bytes go as they go.
  virtual void remember(Pace) {}
  virtual std::optional<Pace> learnt() const { return std::nullopt; }

  // What the device called itself when it was logged in to, and what it calls itself now; nothing where that is the same or
  // cannot be told.
  virtual std::optional<std::pair<std::string, std::string>> renamed() const { return std::nullopt; }

  virtual void close() noexcept = 0;
  // From another thread: whatever is under way ends at once with Error (Connect).
  virtual void cancel() noexcept = 0;
};

// What a transport tells about its dialogue, for `--trace` and -v; secrets already redacted. Directions:
// `sent`, `received`, and `note` for what banpush itself did (connected, trusted, logged in).
using Trace = std::function<void(std::string_view direction, std::string_view bytes)>;

// Secrets of one device, read just before use.
struct Credentials {
  std::string password, passphrase, enable;
};

// The transport of this device: for `address: local` files or nftables where the driver has them, else exec on this host;
// for all others SSH. Nothing is opened yet.
std::unique_ptr<Transport> make_transport(const Device &device, const Driver &driver, Credentials credentials, Trace trace = {});

// The transport kind the device will be reached by.
TransportKind transport_kind(const Device &device, const Driver &driver);

// The kind its scripts and questions are made for: what goes to nftables and to files is programs and their input, as over exec.
TransportKind rendered_for(TransportKind kind) noexcept;

// For `trust`: what key the host shows, without logging in.
struct HostKey {
  std::string host;        // as it stands in known_hosts
  std::string type;        // ssh-ed25519
  std::string fingerprint; // SHA256:…
  std::string stored;      // fingerprint in known_hosts for this host, empty when there is none
  std::string line;        // as it will stand in known_hosts
};
// Throws Error (Connect) when the address cannot be reached.
HostKey host_key(const Device &device, const Driver &driver, const std::string &address);
// The same of the host that device.login.jump names.
HostKey jump_host_key(const Device &device);
// Puts the key in the place of the host's others in device.login.known_hosts, at once or not at all.
// Throws Error (Config) when the file cannot be written.
void store_host_key(const Device &device, const HostKey &key);

} // namespace banpush
