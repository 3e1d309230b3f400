// One emulated device: its configurations, its clockwork, and what it has seen.
#pragma once

#include "lab/device/configuration.hpp"

#include <chrono>
#include <deque>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <vector>

namespace banpush::lab {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Something that goes wrong once, `after` so many lines or entries from when it was asked for.
struct Fault {
  // session cut; silence; entry refused; entry accepted, not kept; somebody types `words` at the console in between
  enum class Kind { Lose, Hang, Refuse, Swallow, Meanwhile } kind = Kind::Lose;
  enum class Counts { Lines, Entries } counts = Counts::Lines;
  std::uint64_t after = 1;
  // Of a refusal (empty: the platform's `refused`); lines for the console; of a session that is cut or silent the line that alone
  // counts, or with * behind it how such lines begin (empty: each line counts).
  std::string words;

  bool counts_line(std::string_view line) const;
};

// How one device of a network differs from its platform's description.
struct Variant {
  std::string hostname;
  std::string username = "banpush", password, enable;
  std::string public_key;                   // authorised, in the form of authorized_keys
  milliseconds connect_delay{0}, delay{0};  // before the first word; before each reply
  std::size_t chunk = 0;                    // bytes of output at a time; 0: as they come
  std::optional<std::size_t> rows, columns; // of the pager and the width, instead of the platform's
  std::size_t noise_every = 0;              // lines of output between two lines of noise; 0: none
  std::string noise;
  std::size_t nul_every = 0; // bytes of output between two NULs
  std::optional<std::size_t> sessions, full_at, type_ahead;
  std::string banner;          // before the login (SSH)
  std::string motd;            // in front of the first prompt
  milliseconds minute{60'000}; // how long a minute of its timers lasts
  std::string host_key;        // file; generated when empty
  std::string config;          // what the operator has on it already
  Fields values;               // of a session, at its start

  // A twin of a real device: its running configuration as it was saved, instead of what the platform comes with.
  std::optional<std::string> saved;
  std::string comes_in_at;          // the interface where sessions come in; empty: the platform's
  std::optional<Address> seen_from; // where sessions come from, as its lists judge them; nothing: from where they do come
  enum class OwnLists { Judge, Spare } own_lists = OwnLists::Judge; // whether a list that drops a session's packets silences it
};

// A line of a saved configuration that the device did not take, and how many lines belong to it that were not tried.
struct Unread {
  std::size_t line = 0;
  std::string text, answer;
  std::size_t below = 0;
};

class Emulated {
public:
  // Types the variant's configuration and saves it. Throws Error (Config) when the device itself refuses a line; those of a saved
  // configuration that it refuses are `unread`.
  Emulated(Description description, Variant variant);

  const Description &description() const noexcept { return description_; }
  const Variant &variant() const noexcept { return variant_; }

  Configuration running, startup;
  Configuration at_start;     // as it was when it came up
  std::vector<Unread> unread; // of the saved configuration
  std::size_t lines_of_saved = 0;
  std::optional<Configuration> shared;        // the candidate for all; none while nobody has changed it
  std::map<std::string, Configuration> named; // pending candidates that outlive their session
  std::deque<Configuration> history;          // before each commit, the latest first
  std::uint64_t version = 0;                  // counts commits
  std::uint64_t changes = 0;                  // counts whatever may have changed what packets meet
  std::string lock;                           // who holds the configuration; empty: nobody
  const void *lock_owner = nullptr;           // the session that does; none when it is somebody else

  // What shows show of the running configuration: with `shown_after`, what it was before the latest changes.
  const Configuration &shown() const;
  // A session is about to change it.
  void about_to_change();
  // Makes `next` the running configuration.
  void commit(Configuration next);
  // Reverts to `back` when nobody confirms in time.
  void start_timer(milliseconds length, Configuration back);
  bool timer_runs() const noexcept { return revert_.has_value(); }
  void stop_timer() noexcept { revert_.reset(); }
  void revert();
  void save();
  void reload();
  std::optional<Clock::time_point> due() const { return revert_ ? std::optional(revert_->at) : std::nullopt; }
  void tick(Clock::time_point now);
  milliseconds minutes(double count) const;

  void add_fault(Fault fault);
  // The fault that strikes with this line (empty: an entry), which is then over; nothing when none does.
  std::optional<Fault> strikes(Fault::Counts counts, std::string_view line = {});

  // What sessions are told: each reload counts one up, and every session of an earlier one is cut.
  std::uint64_t generation = 0;

  // What the terminal types as an operator at the console, in the platform's mode for that. Gives what the
  // device answers, empty when it took every line.
  std::string type(const std::string &lines);
  std::string configuration_text(const Configuration &which) const;
  // `interface`: where it comes in; empty: where sessions do.
  Verdict packet(const Address &from, const Configuration &in, const std::string &interface) const;
  Verdict packet(const Address &from) const { return packet(from, running, ""); }
  // Whether the packets of a session from there come through.
  bool session_passes(const Address &peer) const;

  struct Seen {
    std::uint64_t opened = 0, open = 0, peak = 0, refused = 0, failed_logins = 0, saves = 0, reloads = 0, reverts = 0, commits = 0;
    struct Line {
      std::string mode, text;
    };
    std::deque<Line> lines;
    std::uint64_t lines_count = 0;
  } seen;
  void saw(const std::string &mode, const std::string &line);

  nlohmann::json state() const;
  nlohmann::json stats() const;

private:
  struct Revert {
    Clock::time_point at;
    Configuration back;
  };
  Description description_;
  Variant variant_;
  Configuration before_changes_;
  Clock::time_point changed_at_{};
  std::optional<Revert> revert_;
  std::vector<Fault> faults_;
};

} // namespace banpush::lab
