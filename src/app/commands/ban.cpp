#include "app/commands.hpp"
#include "app/logged_in.hpp"
#include "app/new_ban.hpp"
#include "app/protect.hpp"
#include "app/push_request.hpp"
#include "app/spool.hpp"
#include "app/state.hpp"
#include "app/still_blocked.hpp"
#include "core/life.hpp"
#include "core/plan.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

// The first of a set that contains the whole prefix.
const NamedPrefix *around(const std::vector<NamedPrefix> &set, const Prefix &prefix) {
  const auto found = std::find_if(set.begin(), set.end(), [&](const NamedPrefix &named) { return named.prefix.contains(prefix); });
  return found == set.end() ? nullptr : &*found;
}

// What policy says against banning this at all; nothing when it may be banned.
std::optional<GuardNote> against(const Config &config, const Prefix &ip, const std::vector<NamedPrefix> &found) {
  const Policy &policy = config.policy;
  const unsigned shortest = ip.family() == Family::IPv4 ? policy.shortest4 : policy.shortest6;
  if (ip.length() < shortest)
    return GuardNote{"shortest", fmt::format("{} is wider than /{}, the widest ban that policy.shortest lets through", ip.text(), shortest),
                     true};
  for (const auto *set : {&policy.protect, &found})
    if (const NamedPrefix *hit = around(*set, ip))
      return GuardNote{"protected", fmt::format("{} is protected: {} ({})", ip.text(), hit->prefix.text(), hit->why), true};
  if (const NamedPrefix *hit = around(policy.allow, ip))
    return GuardNote{"allow", fmt::format("{} is allowed: {} ({})", ip.text(), hit->prefix.text(), hit->why), true};
  return std::nullopt;
}

// What lies in a wider ban and stays open all the same.
std::string left_open(const Config &config, const Prefix &ip, const std::vector<NamedPrefix> &found) {
  std::string text;
  for (const auto *set : {&config.policy.protect, &found, &config.policy.allow})
    for (const NamedPrefix &named : *set)
      if (ip.contains(named.prefix))
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", named.prefix.text(), named.why);
  return text;
}

// What is known to be protected without asking for the whole table.
std::vector<NamedPrefix> protected_set_of(const Config &config, const std::vector<std::pair<std::string, std::string>> &reporters) {
  std::vector<NamedPrefix> found = never_banned();
  for (auto part : {of_this_host(), of_logins(protected_logins(config.state)), of_devices_and_tables(config), of_reporters({}, reporters)})
    found.insert(found.end(), part.begin(), part.end());
  return found;
}

// Throws Error (Guard) where it may not be banned; says what stays open in a wider ban.
void require_bannable(const Settings &settings, const Config &config, const Prefix &ip, const std::vector<NamedPrefix> &found) {
  if (const auto no = against(config, ip, found))
    throw Error(ErrorKind::Guard, fmt::format("not banned ({}): {}", no->name, no->message));
  if (const std::string open_inside = left_open(config, ip, found); !open_inside.empty())
    settings.console.note(fmt::format("inside it these stay open: {}", open_inside));
}

// Throws Error (Guard) where somebody is logged in from there; with --even-if-logged-in the state file is told, which
// keeps a push from protecting them.
void require_nobody_logged_in(const Config &config, const Prefix &ip, const BanOptions &options) {
  std::vector<LoggedIn> inside;
  for (LoggedIn &login : protected_logins(config.state))
    if (login.from == ip || (options.even_if_logged_in && ip.contains(login.from)))
      inside.push_back(std::move(login));
  if (inside.empty())
    return;
  if (!options.even_if_logged_in)
    throw Error(ErrorKind::Guard,
                fmt::format("not banned (logged in): {} is logged in here: {}; `banpush ban {} --even-if-logged-in` bans it "
                            "all the same",
                            inside.front().from.address(), inside.front().who, ip_text(ip)));
  State state(config.state);
  for (const LoggedIn &login : inside)
    state.ban_despite_login(login.from, ip_text(ip), actor(), login.who);
  if (!state.trouble().empty())
    throw Error(ErrorKind::Config, fmt::format("not banned: --even-if-logged-in is written down first: {}", state.trouble()));
}

const char *word_of(Recorded recorded) {
  switch (recorded) {
  case Recorded::Added: return "added";
  case Recorded::Extended: return "extended";
  case Recorded::Unchanged: return "unchanged";
  }
  return "?";
}

const char *said(Recorded recorded) {
  switch (recorded) {
  case Recorded::Added: return "banned";
  case Recorded::Extended: return "banned already, now for longer:";
  case Recorded::Unchanged: return "banned already:";
  }
  return "?";
}

void say(const Settings &settings, Json json, const std::string &text) {
  if (settings.console.json())
    settings.console.out(json.dump(2) + "\n");
  else
    settings.console.out(text + "\n");
}

// fail2ban waits for its actions one at a time, and twice.
constexpr TableTimeouts hurry{std::chrono::seconds{3}, std::chrono::seconds{10}};
// A table that was found gone this recently is not tried again by every caller.
constexpr Seconds gone_lately = 5;

// Whether what is to be written has to queue up behind what waits already.
bool must_queue(const Settings &settings, const Config &config) {
  if (!spool_is_marked(config.spool))
    return false;
  try {
    Spool spool(config.spool);
    if (spool.size() != 0 || spool.gone_within(gone_lately))
      return true;
    spool.clear_mark_if_idle(gone_lately);
  } catch (const Error &error) { // the table may do without it
    settings.console.warn(fmt::format("the spool cannot be used: {}", error.what()));
  }
  return false;
}

// What the table did not take now waits in the spool. Throws what it will never take, after it was set aside.
template <typename What>
void note_refusal(const Settings &settings, const Config &config, const What &what, const TableError &error) {
  Spool spool(config.spool);
  if (error.retry() == Retry::Never) {
    spool.refused(spool.put(what), error.what());
    throw TableError(error);
  }
  settings.console.warn(error.what());
  if (dynamic_cast<const Unreachable *>(&error) != nullptr)
    spool.table_is_gone(error.what());
}

// Puts it into the spool, and takes the spool to the table if that is back. False: it waits.
template <typename What>
bool put_and_deliver(const Settings &settings, const Config &config, const What &what) {
  Spool spool(config.spool);
  const std::int64_t line = spool.put(what);
  if (spool.gone_within(gone_lately))
    return false;
  try {
    if (const Delivered delivered = deliver(spool, config.spool, open_all(config, hurry)); delivered.waits)
      settings.console.warn(delivered.waits->what());
  } catch (const Unreachable &error) {
    settings.console.warn(error.what());
    spool.table_is_gone(error.what());
  }
  const auto left = spool.line(line);
  if (left && left->state == SpoolLine::State::Refused)
    throw Error(ErrorKind::Usage, left->problem);
  return !left;
}

// What the table has no columns for is lost with them, the ban is not.
void say_unkept(const Settings &settings, BanTable &table, const NewBan &ban) try {
  if (ban.words.empty())
    return;
  if (!table.has_side_tables())
    settings.console.warn("the note is not kept: the table has no side tables, `banpush init` makes them");
  else if (const auto missing = table.missing_columns(); !missing.empty())
    settings.console.warn(fmt::format("the note is not kept: the side tables are of an older banpush and lack {}; `banpush init` adds them",
                                      fmt::join(missing, ", ")));
} catch (const Error &error) { // it is recorded, and must not be queued as well
  settings.console.warn(fmt::format("whether the note is kept cannot be told: {}", error.what()));
}

// nothing: it waits in the spool.
std::optional<Recorded> record(const Settings &settings, Config &config, const NewBan &wanted) {
  if (!must_queue(settings, config)) {
    try {
      const auto table = open(config.tables.front(), hurry);
      add_allowed(config, table->allowed(), config.tables.front().name);
      require_bannable(settings, config, wanted.ip, protected_set_of(config, table->reporters()));
      const Recorded recorded = table->ban(wanted);
      say_unkept(settings, *table, wanted);
      return recorded;
    } catch (const TableError &error) {
      note_refusal(settings, config, wanted, error);
    }
  }
  const TableCopy copy = Spool(config.spool).copy(config.tables.front().name).value_or(TableCopy{});
  add_allowed(config, copy.allowed, config.tables.front().name);
  require_bannable(settings, config, wanted.ip, protected_set_of(config, copy.reporters));
  return put_and_deliver(settings, config, wanted) ? std::optional{Recorded::Added} : std::nullopt;
}

// How many rows were concerned; nothing: it waits in the spool.
std::optional<std::size_t> revoke(const Settings &settings, const Config &config, const SpooledUnban &unban) {
  if (!must_queue(settings, config)) {
    try {
      std::size_t count = 0;
      for (const auto &table : open_all(config, hurry))
        count += table->unban(unban.ip, unban.jail, unban.hostname, unban.who, unban.actor);
      return count;
    } catch (const TableError &error) {
      note_refusal(settings, config, unban, error);
    }
  }
  return put_and_deliver(settings, config, unban) ? std::optional<std::size_t>{1} : std::nullopt;
}

// What blocks it all the same. The unban stands, whatever becomes of that question.
std::vector<std::string> left_of(const Settings &settings, const Config &config, const Prefix &ip) {
  try {
    return said_of(leftovers(config, open_all(config, hurry), ip), ip);
  } catch (const Error &error) {
    settings.console.warn(fmt::format("whether other bans block it cannot be told: {}", error.what()));
    return {};
  }
}

// What became of the push, for --json and for people.
struct Pushed {
  const char *word = "not asked for";
  Json devices = Json::array();
  double seconds = 0;
  std::string text;
};

Pushed push_after(const Settings &settings, const Config &config, bool skip, bool wait, const Prefix &ip, bool blocked) {
  Pushed pushed;
  if (skip || config.devices.empty())
    return pushed;
  if (!wait) {
    ask_for_push(settings, config);
    pushed.word = "queued";
    return pushed;
  }
  try {
    const Waited waited = push_and_wait(settings, load_all(settings), ip);
    bool all = true;
    for (const Reached &one : waited.devices) {
      all = all && one.error.empty() && one.shows == blocked;
      pushed.devices.push_back({{"device", one.device},
                                {"outcome", one.outcome},
                                {"shows", one.shows ? Json(*one.shows) : Json(nullptr)},
                                {"error", one.error}});
      pushed.text += fmt::format("\n  {:<20} {}{}", one.device,
                                 !one.shows   ? "was not read: whether it blocks it cannot be told"
                                 : *one.shows ? "blocks it"
                                              : "does not block it",
                                 one.error.empty() ? "" : fmt::format(" ({})", one.error));
    }
    pushed.word = all ? "done" : "incomplete";
    pushed.seconds = waited.seconds;
    pushed.text += fmt::format("\n  after {:.2f} s", waited.seconds);
  } catch (const Error &error) { // the ban itself is recorded whatever becomes of the push
    pushed.word = "incomplete";
    settings.console.warn(error.what());
  }
  return pushed;
}

} // namespace

int ban(const Settings &settings, const BanOptions &options) {
  NewBan wanted = new_ban(options.ip, options.jail, options.protocol, options.port, options.bantime, options.hostname, options.reason);
  if (!wanted.words.note.empty())
    settings.console.warn(wanted.words.note);
  Config config = load_for_recording(settings);
  read_no_tls_settings(config.tables);
  const Config untouched = config;
  wanted.occasion = options.restored != 0 ? Occasion::Restored : Occasion::New;
  wanted.lasts = length_for(config.policy, wanted.jail);
  require_nobody_logged_in(config, wanted.ip, options);
  const auto recorded = record(settings, config, wanted);
  // A restart of fail2ban says all its bans again: what changes nothing needs no push.
  const bool unchanged = recorded == Recorded::Unchanged && !options.wait;
  const Pushed pushed = push_after(settings, untouched, options.no_push || unchanged, options.wait, wanted.ip, true);
  say(settings,
      {{"schema", 1},
       {"ip", ip_text(wanted.ip)},
       {"jail", wanted.jail},
       {"hostname", wanted.hostname},
       {"protocol", wanted.protocol},
       {"port", wanted.port},
       {"note", wanted.words.note},
       {"recorded", recorded ? word_of(*recorded) : "queued"},
       {"push", pushed.word},
       {"devices", pushed.devices},
       {"seconds", pushed.seconds}},
      fmt::format("{} {} ({}, {}){}{}", recorded ? said(*recorded) : "queued; to be banned:", ip_text(wanted.ip), wanted.jail,
                  wanted.hostname, recorded ? "" : fmt::format("; it waits in {}", config.spool), pushed.text));
  return 0;
}

int unban(const Settings &settings, const UnbanOptions &options) {
  const auto ip = Prefix::parse(options.ip);
  if (!ip)
    throw Error(ErrorKind::Usage,
                fmt::format("unban \"{}\": no address or prefix: {} (column {})", shown(options.ip), ip.error().what, ip.error().column));
  const Config config = load_for_recording(settings);
  read_no_tls_settings(config.tables);
  const auto count = revoke(
      settings, config,
      {*ip, row_name(options.jail), row_name(options.hostname), actor(), options.by == "fail2ban" ? Revoker::Fail2ban : Revoker::Operator});
  // What fail2ban unbans by itself nobody reads about.
  const auto left = count && options.by != "fail2ban" ? left_of(settings, config, *ip) : std::vector<std::string>{};
  const bool nothing = count == 0U && !options.wait;
  const Pushed pushed = push_after(settings, config, options.no_push || nothing, options.wait, *ip, false);
  const std::string text =
      !count        ? fmt::format("queued; {} is to be unbanned; it waits in {}", ip_text(*ip), config.spool)
      : *count == 0 ? fmt::format("{}: no ban {}", ip_text(*ip), left.empty() ? "in force is recorded" : "of its own is in force")
                    : fmt::format("unbanned {} ({} row{})", ip_text(*ip), *count, *count == 1 ? "" : "s");
  Json json{{"schema", 1}, {"ip", ip_text(*ip)}, {"push", pushed.word}, {"devices", pushed.devices}, {"seconds", pushed.seconds}};
  json["unbanned"] = count ? Json(*count) : Json("queued");
  json["left"] = left;
  say(settings, std::move(json), fmt::format("{}{}{}{}", text, pushed.text, left.empty() ? "" : "\n", fmt::join(left, "\n")));
  return 0;
}

} // namespace banpush
