// One device while we talk to it: its transport, its driver's reads, and what was learnt at open.
#pragma once

#include "core/reading/parse.hpp"
#include "core/script/places.hpp"
#include "core/script/script.hpp"
#include "settings/config.hpp"
#include "transport/transport.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace banpush {

class Session {
public:
  // Nothing is opened yet. `device` and `driver` must outlive the session.
  // Of the driver's lists those of `families` are used; see families_used().
  Session(const Device &device, const Driver &driver, Credentials credentials, std::set<Family> families, Trace trace = {});
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  // Connects, logs in and learns the facts, those that only setup needs where `before` says so. Throws
  // Error (Connect, Auth, Device).
  const Facts &open(std::optional<Stage> before = std::nullopt);
  // The same for who reads next: where the device takes several questions at once, what the reading needs is asked with the facts, in
  // the same round trip, and read() goes on from there.
  const Facts &open_to_read();
  // What the ledger has of the device: on a platform that gives numbers anew by itself, an entry of ours is known by that alone.
  void remember(std::vector<BlockIn> ledger);
  // What the device's lists hold now. Throws Error (Connect, Device): never a guess.
  Installed read();
  // Seconds of this process's processor that reading has taken so far.
  double spent_reading() const noexcept { return spent_reading_; }
  // Whether the same proofs hold that the lists are in force as when all was last read: much cheaper than reading, and enough
  // to learn that what binds a list has gone or is back. Throws Error (Connect).
  bool proofs_are_as_read();
  Delivery send(const Step &step) { return transport_->send(step); }
  // Whether somebody else is known to have changed the lists since read().
  bool disturbed() { return transport_->disturbed(); }
  // What the device shows of the entries of the last step; nothing where read() must tell.
  std::optional<std::vector<Shown>> shown() { return transport_->shown(); }
  // What is known of how much the device takes at a time, before open().
  void remember(Pace pace) {
    pace_ = pace;
    transport_->remember(pace);
  }
  // What was learnt of that since it was last known here; nothing where that is nothing new.
  std::optional<Pace> news_of_pace();
  // As of Transport.
  std::optional<std::pair<std::string, std::string>> renamed() const { return transport_->renamed(); }
  // One question of a driver's (send, run or rpc), with the device's own names put in.
  Reply ask(const std::string &send, const std::vector<std::string> &run, const std::string &rpc = {}) {
    return transport_->ask(question(send, run, rpc, values_));
  }
  void close() noexcept; // what was learnt stays
  bool is_open() const noexcept { return open_; }
  // As of Transport, of an open session. One that does not stand is closed.
  Transport::Standing standing() noexcept;
  // From another thread: what is under way ends at once with Error (Connect).
  void cancel() noexcept { transport_->cancel(); }

  const Facts &facts() const noexcept { return facts_; }
  // What the device warned of while facts were learnt, each text once: what was not found then may be there.
  const std::vector<std::string> &warnings() const noexcept { return warnings_; }
  const Values &values() const noexcept { return values_; }
  // As it is used on this device: without the lists of families that are not used, and without those it has not got.
  const Driver &driver() const noexcept { return driver_; }
  const std::set<std::string> &unused_lists() const noexcept { return unused_; }
  // Lists that the device has not got, as open() learnt; or as it was last known, for a session that is not opened.
  const std::set<std::string> &lacking() const noexcept { return lacking_; }
  void remember_lacking(const std::set<std::string> &lists);
  // What a person should know of the lists that the device has not got.
  const std::vector<std::string> &notes() const noexcept { return notes_; }
  const Device &device() const noexcept { return device_; }
  // Everything render() needs to know of this device; the confirm time only where the driver has a dead-man.
  Rendering rendering() const { return rendering(facts_); }
  // The same with facts of the caller's, which must outlive it.
  Rendering rendering(const Facts &facts) const;

private:
  // Questions already put in one go, so that what two facts or proofs look at is asked for once.
  using Asked = std::vector<std::pair<Ask, Reply>>;
  void leave_out(const std::set<std::string> &lists);
  void leave_out_what_it_has_not_got();
  Values values_for(const Read &read) const;
  Ask question(const std::string &send, const std::vector<std::string> &run, const std::string &rpc, const Values &values) const;
  const Facts &open_and_ask(std::optional<Stage> before, Asked &asked, std::vector<Ask> ahead);
  const Reply &ask_once(Asked &asked, Ask question);
  // Those that were not asked yet, all at once where the device takes that; else none.
  void ask_together(Asked &asked, const std::vector<Ask> &questions);
  Ask sized(Ask question) const;
  std::vector<Ask> questions_of(const Fact &fact) const;
  std::vector<Ask> questions_of_reading() const;
  // Of the reading, those that rest on nothing that is learnt first.
  std::vector<Ask> questions_without_facts() const;
  std::vector<Reply> ask_proofs(Asked &asked);
  std::vector<bool> which_hold(const std::vector<Reply> &replies) const;
  const Reply &ask_fact(Asked &asked, const Ask &question);
  void learn_fact(const Fact &fact, Asked &asked);
  Places places() const;

  const Device &device_;
  Driver driver_; // as it is asked about this device: its places filled in
  Values values_;
  std::set<std::string> unused_, lacking_; // lists
  std::vector<std::string> notes_, warnings_;
  Facts facts_;
  std::unique_ptr<Transport> transport_;
  std::vector<BlockIn> ledger_; // sorted
  bool open_ = false;
  Asked ahead_; // for the next reading
  Pace pace_;   // as the transport was told, or has told
  double spent_reading_ = 0;
  std::vector<bool> proofs_; // which held when all was last read
};

} // namespace banpush
