#include "app/serve/feed.hpp"

#include "app/world/table_filter.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace banpush {

namespace {

// A service waits for nobody long: it comes back in a second.
constexpr TableTimeouts timeouts{std::chrono::seconds{3}, std::chrono::seconds{30}};
// Names of devices and reporters are looked up again after so long.
constexpr std::chrono::minutes lookups_last{5};
// Who is logged in is looked at after so long, and whenever rows are new.
constexpr std::chrono::seconds logins_looked_at{5};

constexpr std::string_view kept_from_devices = "bans wait in the spool, and for the devices too";

bool same_rows(const std::vector<AllowRow> &some, const std::vector<AllowRow> &others) {
  return std::equal(some.begin(), some.end(), others.begin(), others.end(), [](const AllowRow &a, const AllowRow &b) {
    return a.prefix == b.prefix && a.reason == b.reason && a.created == b.created;
  });
}

std::vector<Prefix> addresses_of(const std::vector<LoggedIn> &logins) {
  std::vector<Prefix> addresses;
  for (const LoggedIn &login : logins)
    addresses.push_back(login.from);
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

} // namespace

void Feed::open() {
  if (!tables_.empty())
    return;
  tables_ = open_all(*config_, timeouts);
  current_.reset();
}

void Feed::deliver_spool(std::vector<LogLine> &said) {
  waiting_.clear();
  const SpoolLook look = spool_is_marked(config_->spool) ? look_for_waiting(config_->spool) : SpoolLook{};
  std::string trouble = look.trouble;
  try {
    if (look.spool)
      trouble = deliver_from(*look.spool, said);
  } catch (const TableError &) {
    throw;
  } catch (const Error &error) { // its disk: the tables are followed without it
    trouble = fmt::format("{}: {}", spool_cannot_be_used, error.what());
  }
  say_of_spool(trouble, said);
}

void Feed::say_of_spool(const std::string &trouble, std::vector<LogLine> &said) {
  if (trouble != spool_trouble_) {
    const bool fails = trouble.starts_with(spool_cannot_be_used), failed = spool_trouble_.starts_with(spool_cannot_be_used);
    if (failed && !fails)
      said.push_back({Event::SpoolRestored, "the spool can be used again"});
    if (!trouble.empty())
      said.push_back({fails ? Event::SpoolFailed : Event::SpoolWaits, trouble});
    else if (!failed)
      said.push_back({Event::SpoolEmpty, "nothing waits in the spool any more"});
  }
  spool_trouble_ = trouble;
}

// Why something waits still, in words.
std::string Feed::deliver_from(Spool &spool, std::vector<LogLine> &said) {
  const Delivered delivered = deliver(spool, *config_, tables_);
  if (delivered.arrived != 0) {
    said.push_back({Event::SpoolDelivered, fmt::format("{} from the spool reached the table", delivered.arrived)});
    wrote_ = true; // SQLite does not count what this connection wrote
  }
  for (const std::string &one : delivered.said())
    said.push_back({Event::SpoolCorrected, one});
  for (const std::string &one : delivered.refused)
    said.push_back({Event::SpoolSetAside, "the table will never take what was spooled, and it was set aside: " + one});
  for (const Spooled &one : spool.bans())
    waiting_.emplace(one.id, row_of(one));
  if (!delivered.waits)
    return {};
  if (delivered.waits->fault() == Fault::Connection) // to be made anew
    throw TableError(*delivered.waits);
  return fmt::format("what the table does not take waits in the spool, and devices get it all the same: {}", delivered.why_it_waits());
}

// What waits stands among the rows of the tables until they have it. Whether that changed anything.
bool Feed::lay_waiting() {
  bool changed = false;
  current_->site.change([&](LiveBans &bans, Seconds elapsed) {
    for (const auto &[id, row] : laid_)
      if (!waiting_.contains(id))
        changed = bans.take(row.raw(), elapsed) || changed;
    for (const auto &[id, row] : waiting_)
      if (!laid_.contains(id))
        changed = bans.put(row.raw(), elapsed, 0, config_->tables.front().name) || changed;
  });
  laid_ = waiting_;
  hosts_ = current_->site.bans().hosts().size();
  return changed;
}

// Puts what is new into what was read. False where that cannot be told: then everything is to be read.
bool Feed::take_news() {
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    const TableSource &source = config_->tables[i];
    if (tables_[i]->has_side_tables() != copies_[source.name].sides || !same_rows(tables_[i]->allowed(), copies_[source.name].allowed))
      return false;
    const auto news = tables_[i]->news();
    if (!news)
      return false;
    const auto number = static_cast<std::uint8_t>(i);
    current_->site.change([&](LiveBans &bans, Seconds elapsed) {
      for (const KeptRow &row : news->gone)
        bans.take(row.raw(), elapsed, number);
      for (const KeptRow &row : news->come)
        if (is_taken(source, row.raw()))
          bans.put(row.raw(), elapsed, number, source.name);
    });
  }
  return current_->site.bans().hosts().size() == hosts_; // another one's addresses are to be protected
}

// Whether somebody has come or gone since the protected set was made from whose address there are bans: it is to be made
// anew. Without such bans it need not be.
bool Feed::logins_matter() {
  logins_due_ = Clock::now() + logins_looked_at;
  const std::vector<Prefix> now = addresses_of(protected_logins(config_->state));
  std::vector<Prefix> differing;
  std::set_symmetric_difference(now.begin(), now.end(), logins_.begin(), logins_.end(), std::back_inserter(differing));
  if (differing.empty())
    return false;
  const auto lock = current_->site.reading();
  const auto &rows = current_->site.bans().rows();
  return std::any_of(rows.begin(), rows.end(), [&](const Ban &ban) {
    return std::any_of(differing.begin(), differing.end(), [&](const Prefix &one) { return ban.block.prefix.overlaps(one); });
  });
}

Moment Feed::read_whole(std::vector<LogLine> &said) {
  current_.reset();
  laid_.clear();
  const auto begin = Clock::now();
  Config fresh = *config_;
  Fetched fetched = fetch_rows(fresh, tables_, Reading::Follow);
  keep_copies(config_->spool, fetched);
  put_protection(fresh, fetched);
  for (const std::string &note : fetched.notes)
    said.push_back({Event::TablesNote, note});
  copies_ = std::move(fetched.copies);
  hosts_ = fetched.bans.hosts().size();
  current_ =
      std::make_shared<Snapshot>(std::move(fresh), std::move(fetched.bans), std::move(fetched.protect), std::move(fetched.times), begin);
  lay_waiting();
  current_->site.advance(); // reading took its time
  last_whole_ = Clock::now();
  cost_ = last_whole_ - begin;
  ++count_.whole;
  spooled_.clear();
  return {current_, ++number_};
}

std::optional<Moment> Feed::look(Look how, std::vector<LogLine> &said) {
  try {
    open();
    deliver_spool(said);
    bool differs = std::exchange(wrote_, false);
    for (const auto &table : tables_)
      differs = table->changed() || differs;
    if (!current_ || how == Look::Whole || (differs && !take_news()) || ((differs || Clock::now() >= logins_due_) && logins_matter()))
      return read_whole(said);
    count_.news += differs ? 1 : 0;
    differs = lay_waiting() || differs;
    const auto moment = next_moment();
    if (!differs && how == Look::Glance && (!moment || *moment > Clock::now()))
      return std::nullopt;
    const bool changed = current_->site.advance();
    const bool weighed = current_->site.weigh();
    return changed || weighed || how == Look::Again ? std::optional{Moment{current_, ++number_}} : std::nullopt;
  } catch (...) {
    tables_.clear();
    current_.reset();
    throw;
  }
}

std::optional<Clock::time_point> Feed::next_moment() {
  if (!current_)
    return std::nullopt;
  const auto end = current_->site.next_end(), weighing = current_->site.next_weighing();
  return end && weighing ? std::min(*end, *weighing) : end ? end : weighing;
}

std::optional<Moment> Feed::spooled(std::vector<LogLine> &said) {
  try {
    return spooled_moment(said);
  } catch (const Error &error) { // its disk
    say_of_spool(fmt::format("{}: {}", spool_cannot_be_used, error.what()), said);
    return std::nullopt;
  }
}

std::optional<Moment> Feed::spooled_moment(std::vector<LogLine> &said) {
  const SpoolLook look = look_for_waiting(config_->spool);
  if (!look.trouble.empty() || spool_trouble_.starts_with(spool_cannot_be_used))
    say_of_spool(look.trouble, said);
  if (!look.spool)
    return std::nullopt;
  Spool &spool = *look.spool;
  std::string content;
  for (const Spooled &one : spool.waiting())
    content += fmt::format("{}{} ", one.id, one.is_judged ? "" : "?");
  if (content == spooled_)
    return std::nullopt;
  spooled_ = content;
  Config fresh = *config_;
  auto fetched = fetch_spooled(fresh, spool);
  if (!fetched) {
    say_of_spool(fmt::format("{}: no allowlist of the table was ever seen here", kept_from_devices), said);
    return std::nullopt;
  }
  if (!fetched->unknown_hosts.empty()) {
    spooled_.clear(); // they may be found the next time
    say_of_spool(fmt::format("{}: {}", kept_from_devices, fetched->unknown_hosts.front()), said);
    return std::nullopt;
  }
  if (spool_trouble_.starts_with(kept_from_devices))
    say_of_spool("bans wait in the spool for the table; the devices get them", said);
  auto snapshot = std::make_shared<Snapshot>(std::move(fresh), std::move(fetched->bans), std::move(fetched->protect));
  snapshot->only_adds = true;
  return Moment{std::move(snapshot), ++number_};
}

// Looking up names may take seconds where a name server is silent: not for each ban.
void Feed::put_protection(Config &fresh, Fetched &fetched) {
  std::string from;
  for (const std::uint32_t host : fetched.bans.hosts())
    from += fetched.bans.name(host) + '\n';
  for (const auto &[name, copy] : fetched.copies)
    for (const auto &[hostname, address] : copy.reporters)
      from += hostname + ' ' + address + '\n';
  const std::vector<Prefix> logins = addresses_of(protected_logins(config_->state));
  if (from != protected_from_ || logins != logins_ || Clock::now() - protected_at_ > lookups_last) {
    protection_ = known_protection(fresh, fetched);
    logins_ = logins;
    protected_from_ = std::move(from);
    protected_at_ = Clock::now();
  }
  protect(fresh, fetched, protection_);
  if (!fetched.unknown_hosts.empty())
    protected_from_.clear();
  require_protected_hosts(fetched.unknown_hosts);
}

} // namespace banpush
