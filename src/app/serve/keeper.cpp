#include "app/serve/keeper.hpp"

#include "app/planning.hpp"
#include "app/saving.hpp"
#include "app/set_up.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace banpush {

namespace {

// A session that nobody needed for so long is closed: platforms have few of them, and end idle ones by themselves.
constexpr std::chrono::minutes idle_limit{5};
// How often an idle session is looked at. Below what the shortest-lived tables of connections on the way remember.
// The first time soon after it was used: that tells what this device answers to such a look.
constexpr std::chrono::seconds looked_at_each{15}, first_look{1};
// How often this host is asked whether what binds its lists is as it was: it costs a few milliseconds.
constexpr std::chrono::seconds this_host_looked_at_each{2};
// Lists of so many entries are read whole each time, where nothing tells that somebody has changed them.
constexpr std::size_t looked_through_up_to = 2000;
// What somebody takes away again and again is theirs to decide: so often in so long it is set up again.
constexpr std::size_t most_set_ups = 3;
constexpr std::chrono::minutes set_ups_counted_for{10};
// What a limit or the storm breaker holds is tried again after so long.
constexpr std::chrono::seconds held_for{60};
// How soon it is noticed that a pause is over.
constexpr std::chrono::seconds pause_looked_at{3};
// A thread that cannot go on, without memory for one, tries again after so long.
constexpr std::chrono::seconds after_giving_up{5};
constexpr std::chrono::minutes longest_delay{5}, longest_push{60};

std::uint_fast32_t seed_of(const std::string &name) {
  return static_cast<std::uint_fast32_t>(std::hash<std::string>{}(name) ^
                                         static_cast<std::size_t>(Clock::now().time_since_epoch().count()));
}

// Of what setup makes: a list, or what binds it. A rule of somebody else's in front of that is theirs to decide.
bool has_lost_setup(const Plan &plan) {
  const auto &lists = plan.installed.lists;
  return std::any_of(lists.begin(), lists.end(), [](const ListState &list) { return !list.stands || (!list.in_force && list.unbound); });
}

bool lacks_list(const Plan &plan) {
  const auto &lists = plan.installed.lists;
  return std::any_of(lists.begin(), lists.end(), [](const ListState &list) { return !list.stands || !list.in_force; });
}

} // namespace

Keeper::Keeper(Watch &watch, const Device &device)
    : watch_(watch), device_(device), patience_(seed_of(device.name)), thread_([this] { run(); }) {}

Keeper::~Keeper() {
  end();
  join();
}

void Keeper::join() {
  if (thread_.joinable())
    thread_.join();
}

std::optional<bool> Keeper::holds(const Prefix &prefix, Clock::time_point since) {
  std::unique_lock lock(lock_);
  news_.wait(lock, [&] { return ending_ || !working_; });
  if (ending_ || !kept_.known || read_at_ < since)
    return std::nullopt;
  const Installed &known = *kept_.known;
  const std::vector<Gap> gaps = gaps_in(known);
  return std::any_of(known.entries.begin(), known.entries.end(), [&](const Entry &one) { return blocks(known, gaps, one, prefix); });
}

void Keeper::offer(Moment moment) {
  const std::lock_guard lock(lock_);
  moment_ = std::move(moment);
  wake_.notify_one();
}

std::optional<DeviceReport> Keeper::reached(std::uint64_t number, Clock::time_point until) {
  std::unique_lock lock(lock_);
  const auto there = [&] {
    const bool left_alone = moment_.snapshot && moment_.number >= number && patience_.failures() != 0 && Clock::now() < not_before_;
    return ending_ || tried_ >= number || left_alone;
  };
  if (!news_.wait_until(lock, until, there) || ending_)
    return std::nullopt;
  return last_;
}

std::optional<DeviceReport> Keeper::push(const Order &order, std::uint64_t number, Clock::time_point until) {
  std::unique_lock lock(lock_);
  if (!news_.wait_until(lock, until, [&] { return ending_ || !asked_; }) || ending_)
    return std::nullopt;
  asked_ = order;
  asked_number_ = number;
  const std::uint64_t mine = ++asked_count_;
  wake_.notify_one();
  if (!news_.wait_until(lock, until, [&] { return ending_ || answered_ >= mine; }) || ending_)
    return std::nullopt;
  return answer_;
}

std::optional<DeviceReport> Keeper::push_when_settled(const Order &order, std::uint64_t number, Clock::time_point until) {
  auto report = push(order, number, until);
  if (!report || report->left_alone == 0 || report->error != report->unconfirmed)
    return report;
  const auto settled = Clock::now() + std::chrono::seconds{report->left_alone + 1};
  if (settled >= until)
    return report; // it says until when
  {
    std::unique_lock lock(lock_);
    if (news_.wait_until(lock, settled, [&] { return ending_; }))
      return std::nullopt;
  }
  return push(order, number, until);
}

bool Keeper::release(Clock::time_point until) {
  std::unique_lock lock(lock_);
  release_ = true;
  wake_.notify_one();
  return news_.wait_until(lock, until, [&] { return ending_ || !release_; });
}

void Keeper::end() {
  const std::lock_guard lock(lock_);
  ending_ = true;
  wake_.notify_one();
  news_.notify_all();
}

void Keeper::cut() {
  std::shared_ptr<Session> session;
  {
    const std::lock_guard lock(lock_);
    session = session_.lock();
  }
  if (session)
    session->cancel();
}

Keeper::Progress Keeper::progress() {
  const std::lock_guard lock(lock_);
  const double left = std::chrono::duration<double>(not_before_ - Clock::now()).count();
  return {working_, open_, patience_.failures(), patience_.failures() != 0 ? std::max(0.0, left) : 0, tried_, parts_, reading_,
          read_at_, last_};
}

bool Keeper::due(Clock::time_point now) const {
  if (asked_ && moment_.snapshot && moment_.number >= asked_number_)
    return true;
  return moment_.snapshot && now >= not_before_ && (is_pending() || now >= audit_at_);
}

Clock::time_point Keeper::next_moment() const {
  Clock::time_point moment = std::min(close_at_, look_at_);
  if (moment_.snapshot)
    moment = std::min(moment, is_pending() ? not_before_ : std::max(not_before_, audit_at_));
  return moment;
}

void Keeper::run() {
  std::unique_lock lock(lock_);
  while (!ending_)
    try {
      go_round(lock);
    } catch (const std::exception &error) {
      give_up(lock, error.what());
    }
  lock.unlock();
  kept_.session.reset();
}

void Keeper::close_session(std::unique_lock<std::mutex> &lock) {
  working_ = true;
  lock.unlock();
  kept_.session.reset(); // what is known is asked for anew with the next session
  kept_.known.reset();
  lock.lock();
  working_ = false;
  open_ = release_ = false;
  close_at_ = look_at_ = Clock::time_point::max();
  news_.notify_all();
}

// A session that has gone while it was idle is told by nobody else. The device may have been started anew, and hold
// nothing: it is read at once, unless it is known to end idle sessions by itself.
void Keeper::look_at_session(std::unique_lock<std::mutex> &lock) {
  working_ = true;
  lock.unlock();
  const auto standing = kept_.session ? kept_.session->standing() : Transport::Standing::Ended;
  lock.lock();
  working_ = false;
  look_at_ = Clock::now() + looked_at_each;
  if (standing == Transport::Standing::Yes) {
    news_.notify_all();
    return;
  }
  if (standing == Transport::Standing::Lost || !std::exchange(ends_sessions_, true))
    audit_at_ = std::min(audit_at_, Clock::now());
  close_session(lock);
}

// The kernel tells of nftables. Of the rest, a set or chain that was emptied is seen in the entries alone.
bool Keeper::entries_are_as_read() {
  if (!kept_.known || kept_.known->entries.size() > looked_through_up_to ||
      transport_kind(device_, watch_.config->driver(device_)) == TransportKind::Nftables)
    return true;
  const Installed now = kept_.session->read();
  // The proofs are read with them, and are what the next look compares with: they, too, are to be as they were.
  const auto same_list = [](const ListState &a, const ListState &b) { return a.stands == b.stands && a.in_force == b.in_force; };
  return std::equal(now.lists.begin(), now.lists.end(), kept_.known->lists.begin(), kept_.known->lists.end(), same_list) &&
         std::equal(now.entries.begin(), now.entries.end(), kept_.known->entries.begin(), kept_.known->entries.end(),
                    [](const Entry &a, const Entry &b) { return a.block == b.block && a.list == b.list; });
}

// Somebody may have loaded another ruleset: what tells that costs little, and the whole is read only then.
void Keeper::look_at_this_host(std::unique_lock<std::mutex> &lock) {
  working_ = true;
  lock.unlock();
  bool as_read = false;
  try {
    as_read = kept_.session && kept_.session->is_open() && !kept_.session->disturbed() && kept_.session->proofs_are_as_read() &&
              entries_are_as_read();
  } catch (const Error &) { // the reading says what is wrong
  }
  lock.lock();
  working_ = false;
  look_at_ = Clock::now() + this_host_looked_at_each;
  if (!as_read)
    audit_at_ = std::min(audit_at_, Clock::now());
  news_.notify_all();
}

void Keeper::go_round(std::unique_lock<std::mutex> &lock) {
  const auto now = Clock::now();
  seen_to_ = now;
  if (release_) { // whoever asked for the device does something to it
    close_session(lock);
    audit_at_ = std::min(audit_at_, Clock::now() + pause_looked_at);
  } else if (now >= close_at_) {
    close_session(lock);
  } else if (due(now)) {
    work(lock);
  } else if (now >= look_at_) {
    device_.is_local() ? look_at_this_host(lock) : look_at_session(lock);
  } else if (const auto moment = next_moment(); moment == Clock::time_point::max()) {
    wake_.wait(lock);
  } else {
    wake_.wait_until(lock, moment);
  }
}

// What was asked for is answered with nothing; the device itself is tried again.
void Keeper::give_up(std::unique_lock<std::mutex> &lock, const char *why) {
  if (!lock.owns_lock())
    lock.lock();
  working_ = true;
  lock.unlock();
  kept_ = {};
  lock.lock();
  working_ = open_ = false;
  close_at_ = look_at_ = Clock::time_point::max();
  not_before_ = Clock::now() + after_giving_up;
  tried_ = std::min(tried_, moment_.number - std::min<std::uint64_t>(moment_.number, 1));
  if (asked_) {
    asked_.reset();
    answer_.reset();
    answered_ = asked_count_;
  }
  news_.notify_all();
  try {
    if (std::exchange(said_, why) != why)
      say(Event::DeviceGivenUp, fmt::format("{}; again in {} s", why, after_giving_up.count()));
  } catch (const std::exception &) { // without memory, without words
  }
}

bool Keeper::is_stuck() {
  const std::lock_guard lock(lock_);
  const auto now = Clock::now();
  if (working_)
    return now - seen_to_ > longest_push;
  if (!due(now))
    due_since_.reset();
  else if (!due_since_ || *due_since_ < seen_to_)
    due_since_ = now;
  return due_since_ && now - *due_since_ > longest_delay;
}

void Keeper::work(std::unique_lock<std::mutex> &lock) {
  const Moment moment = moment_;
  const bool asked = asked_ && moment.number >= asked_number_;
  Order order = asked ? *asked_ : Order{};
  if (!asked)
    order.actor = "service";
  const auto begin = Clock::now();
  const bool audit = asked || begin >= audit_at_;
  working_ = true;
  lock.unlock();
  if (audit || lacks_list_) // whether it is back is for the device to say
    kept_.known.reset();
  DeviceReport report = attempt(*moment.snapshot, order);
  set_up_again(*moment.snapshot, report);
  alert(*moment.snapshot, report);
  const std::string unwritten = state_trouble(*moment.snapshot);
  lock.lock();
  working_ = false;
  tried_ = std::max(tried_, moment.number);
  const auto now = Clock::now();
  if (audit || audit_at_ == Clock::time_point{}) {
    // The first audit anywhere within the interval, so that devices do not all have theirs at once.
    const std::chrono::seconds interval{watch_.config->serve.audit};
    audit_at_ = now + (audit_at_ == Clock::time_point{} ? interval / 2 + interval * static_cast<int>(seed_of(device_.name) % 512) / 1024
                                                        : interval);
  }
  open_ = kept_.session && kept_.session->is_open();
  read_at_ = report.read ? begin : read_at_;
  reading_ = kept_.session ? kept_.session->spent_reading() : 0;
  close_at_ = open_ && !device_.is_local() ? now + idle_limit : Clock::time_point::max();
  look_at_ = open_ ? now + (device_.is_local() ? this_host_looked_at_each : first_look) : Clock::time_point::max();
  if (audit && report.outcome == Outcome::Changed)
    ends_sessions_ = false;
  note_outcome(report, *moment.snapshot);
  parts_ += report.plan && report.plan->extent == Plan::Extent::Part ? 1 : 0;
  last_ = report;
  last_->plan.reset(); // whole lists of so many devices would be kept for nothing
  if (asked) {
    answer_ = report;
    if (!unwritten.empty())
      answer_->notes.push_back(unwritten);
    asked_.reset();
    answered_ = asked_count_;
  }
  news_.notify_all();
}

// What `setup` made on this host and somebody took away (another ruleset, a start of the host) is made again, and filled.
void Keeper::set_up_again(Snapshot &snapshot, DeviceReport &report) {
  const Device &device = *snapshot.config.device(device_.name);
  if (!device.is_local() || !device.keep_setup || report.paused || !report.plan || !has_lost_setup(*report.plan))
    return;
  {
    const std::lock_guard lock(snapshot.site.state_lock());
    if (!snapshot.site.state().is_set_up(device.name))
      return;
  }
  const auto now = Clock::now();
  while (!set_up_at_.empty() && now - set_up_at_.front() > set_ups_counted_for)
    set_up_at_.pop_front();
  if (set_up_at_.size() == most_set_ups)
    return;
  set_up_at_.push_back(now);
  try {
    banpush::set_up_again(snapshot.site, device, "service");
    say(Event::SetupRestored,
        fmt::format("what was set up had gone, and is set up again{}",
                    set_up_at_.size() == most_set_ups
                        ? fmt::format("; the third time in {} minutes: the next time it is left as it is", set_ups_counted_for.count())
                        : std::string()));
  } catch (const std::exception &error) {
    say(Event::SetupFailed, fmt::format("what was set up has gone, and cannot be set up again: {}", error.what()));
    return;
  }
  kept_ = {};
  Order order;
  order.actor = "service";
  report = attempt(snapshot, std::move(order));
}

DeviceReport Keeper::attempt(Snapshot &snapshot, Order order) {
  order.only_adds = snapshot.only_adds;
  const Device *device = snapshot.config.device(device_.name);
  const auto log_in = [&] {
    auto session = std::make_shared<Session>(device_, watch_.config->driver(device_), snapshot.site.credentials(device_),
                                             families_used(snapshot.site, device_), watch_.trace);
    const std::lock_guard lock(lock_);
    session_ = session;
    return session;
  };
  try {
    const Slots::Taken slot(watch_.slots);
    return push_device(snapshot.site, *device, order, kept_, log_in);
  } catch (const std::exception &error) { // no memory, no thread: one device's trouble is not everybody's end
    kept_ = {};
    DeviceReport report;
    report.device = device_.name;
    report.driver = device_.driver;
    report.outcome = Outcome::Failed;
    report.error = error.what();
    return report;
  }
}

// With the lock held: when to come back.
void Keeper::note_outcome(const DeviceReport &report, const Snapshot &snapshot) {
  const auto now = Clock::now();
  if (report.outcome == Outcome::Failed) {
    auto wait = patience_.failed(report.kind.value_or(ErrorKind::Device));
    if (report.left_alone != 0)
      wait = std::chrono::seconds{report.left_alone + 1};
    not_before_ = now + wait;
    tell(report, fmt::format("; again in {} s", std::chrono::ceil<std::chrono::seconds>(wait).count()));
    return;
  }
  tell(report, {});
  patience_.succeeded();
  said_.clear();
  paused_ = report.paused;
  not_before_ = paused_ ? now + pause_looked_at : now;
  if (paused_ && open_)
    close_at_ = now;
  if (!report.plan)
    return;
  if (report.outcome == Outcome::Changed)
    say_changed(*report.plan, report.seconds);
  for (const std::string &note : report.outcome == Outcome::Changed ? report.notes : std::vector<std::string>{})
    say(Event::DeviceNote, note);
  note_ends(report, snapshot);
}

// Of this attempt, which has written.
std::string Keeper::state_trouble(Snapshot &snapshot) {
  std::string why;
  {
    const std::lock_guard lock(snapshot.site.state_lock());
    why = snapshot.site.state().failing();
  }
  if (!why.empty()) // that it is over is found by trying
    watch_.note_state(snapshot, why);
  return why;
}

// What is so by the state file, which knows what was so before this service began, too.
void Keeper::alert(Snapshot &snapshot, const DeviceReport &report) {
  try {
    std::vector<Condition> conditions;
    {
      const std::lock_guard lock(snapshot.site.state_lock());
      State &state = snapshot.site.state();
      conditions = state.plain_conditions(device_.name);
      if (!state.trouble().empty())
        conditions = conditions_after(report, told_);
    }
    watch_.alerts.set(device_.name, conditions);
  } catch (const std::exception &) { // no memory: the next attempt tells it
  }
}

// A line of this device, which names it.
void Keeper::say(Event event, const std::string &text, const std::string &of) const {
  const std::string name = device_.name + ": ";
  watch_.log.say({event, text.compare(0, name.size(), name) == 0 ? text : name + text, device_.name, of, {}});
}

void Keeper::say_changed(const Plan &plan, double seconds) const {
  const Counts counts = counts_of(plan.change);
  const std::string text = fmt::format("{}: {} in {:.2f} s", device_.name, done_text(counts), seconds);
  watch_.log.say({Event::DeviceChanged, text, device_.name, {}, LogLine::Change{counts.added, counts.removed, seconds}});
}

// The log has what begins and what ends, once. `when` is said with a failure.
void Keeper::tell(const DeviceReport &report, const std::string &when) {
  const auto conditions = conditions_after(report, told_);
  for (const News &one : news(told_, conditions))
    say(one.event, one.text == report.error ? one.text + when : one.text, one.of);
  told_ = conditions;
  lacks_list_ = report.plan ? lacks_list(*report.plan) : lacks_list_;
}

// What ends by itself is seen by those who follow the tables, as long as the device is in step with them.
void Keeper::note_ends(const DeviceReport &report, const Snapshot &snapshot) {
  if (!report.plan->guards.empty() || lacks_list_ || is_save_due(report))
    watch_.look_again_at(Clock::now() + held_for);
  else if (!report.unsaved.empty())
    watch_.look_again_at(Clock::now() + std::chrono::seconds{std::max<std::int64_t>(0, report.save_due - std::time(nullptr)) + 1});
  if (LiveCandidates::can_follow(snapshot.config.device(device_.name)->policy) && !snapshot.only_adds)
    return;
  Seconds soonest = permanent;
  for (const Wanted &one : report.plan->wanted)
    soonest = std::min(soonest, one.candidate.until);
  if (!report.plan->guards.empty())
    soonest =
        std::min<Seconds>(soonest, std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - snapshot.taken + held_for).count());
  if (soonest != permanent)
    watch_.ends_at(snapshot.taken + std::chrono::seconds{std::max<Seconds>(0, soonest) + 1});
}

} // namespace banpush
