#include "app/serve/daemon.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace banpush {

namespace {

// Bans that end one by one, of a policy that cannot be followed, make the tables be read anew: for no more than this
// share of the time.
constexpr int rest = 20;
// How long devices have to end what they are in the middle of when the service stops.
constexpr std::chrono::seconds grace{10};
constexpr std::chrono::seconds state_tried_each{5}; // while it cannot be written
constexpr std::chrono::seconds longest_poll{10};    // while the tables cannot be had
constexpr std::chrono::minutes longest_look{5};     // each of a look's waits is bounded: one that takes longer is stuck

} // namespace

Daemon::Daemon(std::shared_ptr<const Config> config, const Log &log, Alerts &alerts, Trace trace)
    : config_(std::move(config)), log_(log),
      slots_(config_->serve.workers), watch_{config_,
                                             slots_,
                                             log_,
                                             [this](Clock::time_point moment) { ends_at(moment); },
                                             [this](Clock::time_point moment) { look_again_at(moment); },
                                             std::move(trace),
                                             alerts,
                                             [this](const Snapshot &snapshot, const std::string &why) { note_state(snapshot, why); }},
      feed_(config_), whole_at_(Clock::now()), alive_(Clock::now()) {
  for (const Device &device : config_->devices)
    keepers_.push_back(std::make_unique<Keeper>(watch_, device));
  thread_ = std::thread([this] { follow(); });
}

Daemon::~Daemon() { stop(); }

void Daemon::begin() {
  const std::lock_guard lock(lock_);
  begun_ = true;
  whole_at_ = alive_ = Clock::now();
  wake_.notify_one();
}

Keeper *Daemon::keeper(std::string_view device) noexcept {
  for (const auto &one : keepers_)
    if (one->name() == device)
      return one.get();
  return nullptr;
}

void Daemon::ring() {
  const std::lock_guard lock(lock_);
  ++asked_;
  wake_.notify_one();
}

std::uint64_t Daemon::fresh(Feed::Look how, Clock::time_point until) {
  std::unique_lock lock(lock_);
  const std::uint64_t mine = ++asked_;
  whole_asked_ = whole_asked_ || how == Feed::Look::Whole;
  wake_.notify_one();
  if (!looked_.wait_until(lock, until, [&] { return ending_ || done_ >= mine; }) || ending_)
    throw Error(ErrorKind::Connect, ending_ ? "the service ends" : "the tables were not read in time");
  if (!trouble_.empty())
    throw Error(trouble_kind_, trouble_);
  return number_;
}

std::string Daemon::trouble() {
  const std::lock_guard lock(lock_);
  return trouble_;
}

// What a push says that began with the file as it was before it could be written again is over.
void Daemon::note_state(const Snapshot &snapshot, const std::string &why) {
  bool begins = false;
  {
    const std::lock_guard lock(lock_);
    if (state_trouble_ == why || snapshot.taken <= state_back_)
      return;
    begins = state_trouble_.empty();
    state_trouble_ = why;
  }
  watch_.alerts.set_own("state", why);
  if (begins) // what it fails at changes from write to write
    log_.say({Event::StateFailed, why});
}

std::string Daemon::state_trouble() {
  const std::lock_guard lock(lock_);
  return state_trouble_;
}

// At the beginning, where the tables may keep us from all pushes; and while it cannot be written: nothing else may write for
// long, and a file of a newer banpush is not opened again by itself.
void Daemon::try_state() {
  {
    const std::lock_guard lock(lock_);
    const bool is_due = state_tried_ == Clock::time_point{} || (!state_trouble_.empty() && Clock::now() >= state_tried_ + state_tried_each);
    if (!is_due)
      return;
    state_tried_ = Clock::now();
  }
  State state(config_->state);
  state.try_to_write();
  const std::string why = state.failing();
  std::string before;
  {
    const std::lock_guard lock(lock_);
    before = std::exchange(state_trouble_, why);
    if (!before.empty() && why.empty()) {
      state_back_ = Clock::now();
      whole_asked_ = true; // with a state file that is open
    }
  }
  watch_.alerts.set_own("state", why);
  if (before.empty() != why.empty())
    log_.say(why.empty() ? LogLine{Event::StateRestored, "the state file can be written again"} : LogLine{Event::StateFailed, why});
}

Feed::Count Daemon::looks() {
  const std::lock_guard lock(lock_);
  return looks_;
}

std::string Daemon::stuck() {
  {
    const std::lock_guard lock(lock_);
    if (begun_ && Clock::now() - alive_ > longest_look)
      return "the tables have not been looked at for too long";
  }
  for (const auto &keeper : keepers_)
    if (keeper->is_stuck())
      return fmt::format("{} has not been seen to for too long", keeper->name());
  return {};
}

void Daemon::ends_at(Clock::time_point moment) {
  const std::lock_guard lock(lock_);
  if (moment < whole_at_) {
    whole_at_ = moment;
    wake_.notify_one();
  }
}

void Daemon::look_again_at(Clock::time_point moment) {
  const std::lock_guard lock(lock_);
  if (moment < again_at_) {
    again_at_ = moment;
    wake_.notify_one();
  }
}

Clock::time_point Daemon::next_whole() const {
  const auto cost = std::chrono::duration_cast<Clock::duration>(feed_.cost());
  return std::max(whole_at_, last_whole_ + std::max<Clock::duration>(config_->serve.poll, cost * rest));
}

void Daemon::follow() {
  std::unique_lock lock(lock_);
  wake_.wait(lock, [&] { return begun_ || ending_; });
  std::chrono::milliseconds pause = config_->serve.poll;
  while (!ending_) {
    const auto soonest = alive_ + std::min<std::chrono::milliseconds>(pause, std::chrono::seconds{1});
    const auto end = std::max(soonest, feed_.next_moment().value_or(Clock::time_point::max()));
    for (;;) {
      const auto moment = std::min({alive_ + pause, next_whole(), std::max(soonest, again_at_), end});
      if (ending_ || asked_ > done_ || Clock::now() >= moment)
        break;
      wake_.wait_until(lock, moment);
    }
    if (ending_)
      break;
    const bool whole = whole_asked_ || Clock::now() >= next_whole();
    const bool again = Clock::now() >= again_at_;
    const std::uint64_t asked = asked_;
    whole_asked_ = false;
    if (whole || again)
      again_at_ = Clock::time_point::max();
    lock.unlock();
    try_state();
    look_safely(whole ? Feed::Look::Whole : again ? Feed::Look::Again : Feed::Look::Glance);
    lock.lock();
    done_ = asked;
    alive_ = Clock::now();
    pause = trouble_.empty() ? config_->serve.poll : std::min<std::chrono::milliseconds>(pause * 2, longest_poll);
    looked_.notify_all();
  }
}

void Daemon::look_safely(Feed::Look how) {
  try {
    look(how);
  } catch (const std::exception &error) {
    note_failure(error.what());
  }
}

// All is read anew next time: what was found may not have been published. The words come last: they need memory, too.
void Daemon::note_failure(const char *what) noexcept {
  const std::lock_guard lock(lock_);
  whole_asked_ = true;
  trouble_kind_ = ErrorKind::Table;
  try {
    watch_.alerts.set_own("tables", what);
    if (std::exchange(trouble_, what) != what)
      log_.say({Event::TablesFailed, fmt::format("{}; devices keep what they hold", what)});
  } catch (const std::exception &) {
  }
}

void Daemon::look(Feed::Look how) {
  std::vector<LogLine> said;
  std::optional<Moment> news;
  std::string trouble;
  ErrorKind kind = ErrorKind::Table;
  try {
    news = feed_.look(how, said);
  } catch (const std::exception &error) {
    trouble = error.what();
    if (const auto *known = dynamic_cast<const Error *>(&error))
      kind = known->kind();
    try {
      news = feed_.spooled(said);
    } catch (const std::exception &spool) {
      said.push_back({Event::SpoolFailed, spool.what()});
    }
  }
  std::string before;
  {
    const std::lock_guard lock(lock_);
    before = std::exchange(trouble_, trouble);
    trouble_kind_ = kind;
    looks_ = feed_.count();
    // In trouble, whatever comes next is a whole reading anyway.
    if (const auto read = trouble.empty() ? feed_.last_whole() : Clock::now(); read > last_whole_) {
      last_whole_ = read;
      whole_at_ = last_whole_ + std::chrono::seconds{config_->serve.audit};
    }
  }
  watch_.alerts.set_own("tables", trouble.empty() ? trouble : trouble + "; devices keep what they hold");
  watch_.alerts.set_own("spool", feed_.spool_trouble());
  if (!trouble.empty() && trouble != before)
    said.push_back({Event::TablesFailed, trouble + "; devices keep what they hold"});
  if (trouble.empty() && !before.empty())
    said.push_back({Event::TablesRestored, "the tables can be read again"});
  for (const LogLine &line : said)
    log_.say(line);
  if (news)
    publish(*news);
}

void Daemon::publish(const Moment &moment) {
  {
    const std::lock_guard lock(lock_);
    number_ = moment.number;
  }
  std::string why;
  {
    const std::lock_guard lock(moment.snapshot->site.state_lock());
    why = moment.snapshot->state.failing();
  }
  if (!why.empty())
    note_state(*moment.snapshot, why);
  for (const auto &keeper : keepers_)
    keeper->offer(moment);
}

void Daemon::stop() {
  {
    const std::lock_guard lock(lock_);
    ending_ = true;
    wake_.notify_all();
    looked_.notify_all();
  }
  for (const auto &keeper : keepers_)
    keeper->end();
  const auto end = Clock::now() + grace;
  const auto working = [&] {
    return std::any_of(keepers_.begin(), keepers_.end(), [](const auto &one) { return one->progress().working; });
  };
  while (working() && Clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  for (const auto &keeper : keepers_)
    keeper->cut();
  for (const auto &keeper : keepers_)
    keeper->join();
  if (thread_.joinable())
    thread_.join();
}

} // namespace banpush
