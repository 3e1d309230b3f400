// What a pass knows before it meets a device: configuration, bans, protected set, memory. The service keeps one up by
// what later looks at the tables find.
#pragma once

#include "app/state/state.hpp"
#include "core/plan/live_selection.hpp"
#include "core/plan/plan.hpp"
#include "settings/config.hpp"
#include "transport/transport.hpp"

#include <atomic>
#include <chrono>
#include <ctime>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

namespace banpush {

// Where the tables are now: grows with each change that some policy makes anything of.
using Version = std::uint64_t;

class Site {
public:
  using Time = std::chrono::steady_clock::time_point;

  // `bans` is nothing where only the devices are concerned (flush, show without a table). `times` as LiveBans takes
  // them, for those who go on with change(); `read` is when the tables were asked.
  Site(const Config &config, State &state, Bans bans, std::vector<NamedPrefix> protect,
       std::optional<std::vector<std::uint32_t>> times = std::nullopt, Time read = std::chrono::steady_clock::now());

  std::uint64_t id() const noexcept { return id_; } // no other of this process has it, before or after
  const Config &config() const noexcept { return config_; }
  const Bans &bans() const noexcept { return live_.rows(); } // while nobody calls change(): see reading()
  State &state() noexcept { return state_; }
  std::mutex &state_lock() noexcept { return state_lock_; }
  // How much older every row is by now than what plans say of its age.
  double seconds_since_fetch() const;
  // When the rows were as old as plans say, by this host's clock.
  std::time_t moment() const;

  // The protected set as one device needs it: what was found here, what its policy adds, and the
  // address it sees us from.
  std::vector<NamedPrefix> protect_for(const Device &device, const Facts &facts) const;

  struct Shared;
  // Candidates for a device's policy, which stay as they are while this is held; devices of equal policy share one
  // computation.
  struct Standing {
    std::shared_lock<std::shared_mutex> lock;
    const Bans &bans;
    const Candidates &candidates;
    const Shared *of; // for changes_since(); null where that cannot tell
    Version version;
    Seconds elapsed; // since the tables were read
  };
  Standing candidates_for(const Device &device, const Facts &facts);

  // What has happened to the candidates since, the oldest first, as old as all are now; nothing where that cannot be told.
  struct Changes {
    std::vector<CandidateChange> changes;
    Version version;
    Seconds elapsed;
    bool weighed = false; // all of them anew since
  };
  std::optional<Changes> changes_since(const Device &device, const Facts &facts, const Shared *of, Version version);

  // A device of this policy is full and others wait for its places: candidates are weighed anew from time to time, because
  // worth goes with age.
  void lacks_room(const Device &device, const Facts &facts);

  // bans() stay as they are while this is held.
  std::shared_lock<std::shared_mutex> reading() { return std::shared_lock(live_lock_); }

  // What a later look at the tables found is put into the rows.
  void change(const std::function<void(LiveBans &bans, Seconds elapsed)> &put);
  // Brings the candidates up to now; true where any policy makes something of what was put, or of bans that have ended.
  bool advance();
  // When the next ban ends, as far as policies are followed.
  std::optional<Time> next_end();
  // When candidates are due to be weighed anew: soon after a change, seldom while nothing changes, and never so often that
  // it takes more than a small share of the time. Nothing where all have room.
  std::optional<Time> next_weighing();
  // Weighs what is due, right after advance(), as a computation of everything would; true where anything was.
  bool weigh();

  Credentials credentials(const Device &device) const; // throws Error (Config) where a secret cannot be had
  Trace trace;                                         // set for --trace

  struct Shared {
    Policy policy;
    std::vector<NamedPrefix> protect;
    std::once_flag computed;
    std::unique_ptr<LiveCandidates> live; // null where the policy cannot be followed
    Candidates candidates;                // in its place, as of `version`
    Version version = 0;
    struct Step {
      Version version;
      Seconds elapsed;
      CandidateChange change;
      bool weighed = false;
    };
    std::vector<Step> steps;
    std::atomic<bool> full = false; // others wait for places
    Time weighed{};                 // when the worth of all was computed last
    std::optional<Time> changed;    // when the first of them changed since
    Time::duration cost{};          // of computing it
  };

private:
  Seconds elapsed() const;
  Shared &shared_by(const Device &device, const Facts &facts);
  void compute(Shared &shared);
  std::vector<Shared *> due_for_weighing(Time now);
  bool is_current(const Shared &shared) const;

  const std::uint64_t id_;
  const Config &config_;
  State &state_;
  std::mutex state_lock_, shared_lock_;
  const bool follows_;          // change() is to be called
  std::shared_mutex live_lock_; // of the rows and all that is made of them: held alone to change them
  const Time fetched_;
  LiveBans live_;
  std::size_t touched_ = 0; // how many of live_.touched() there were at the last advance()
  Version version_ = 0;
  std::atomic<Seconds> advanced_ = 0; // seconds since the reading, at the last advance()
  std::vector<NamedPrefix> protect_;
  std::deque<Shared> shared_;
};

} // namespace banpush
