#include "app/commands/commands.hpp"
#include "app/record/ban_words.hpp"
#include "app/record/bounded_work.hpp"
#include "app/record/new_ban.hpp"
#include "app/record/recording.hpp"
#include "app/record/still_blocked.hpp"
#include "app/request/push_request.hpp"
#include "app/state/state.hpp"
#include "app/world/logged_in.hpp"
#include "core/policy/life.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

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
  case Recorded::Revived: return "revived";
  case Recorded::Repeated:
  case Recorded::Unchanged: return "unchanged";
  case Recorded::Lifted: return "lifted";
  }
  return "?";
}

const char *said(Recorded recorded) {
  switch (recorded) {
  case Recorded::Added: return "banned";
  case Recorded::Extended: return "banned already, now for longer:";
  case Recorded::Revived: return "banned again, fail2ban had unbanned it:";
  case Recorded::Repeated:
  case Recorded::Unchanged: return "banned already:";
  case Recorded::Lifted: return "not in force, it was unbanned since:";
  }
  return "?";
}

constexpr const char *queued = "queued", *delivered = "delivered"; // --json

std::string words_of(const RecordedBan &made) {
  return made.where == Whereabouts::Table ? word_of(made.recorded) : made.where == Whereabouts::Spool ? queued : delivered;
}

std::string text_of(const RecordedBan &made, const NewBan &ban, const std::string &spool) {
  const std::string what = fmt::format("{} ({}, {})", ip_text(ban.ip), ban.jail, ban.hostname);
  switch (made.where) {
  case Whereabouts::Table: return fmt::format("{} {}", said(made.recorded), what);
  case Whereabouts::Spool: return fmt::format("to be banned: {}; queued in {}", what, spool);
  case Whereabouts::TableByAnother: break;
  }
  return fmt::format("the ban was queued and is no longer in the queue; what the table made of it is not known here: {}", what);
}

std::string text_of(const RecordedUnban &made, const std::string &ip, const std::string &spool, const std::vector<std::string> &left) {
  const auto [rows, over] = made.unbanned;
  const std::string count = fmt::format("{} row{}", rows, rows == 1 ? "" : "s");
  if (made.where == Whereabouts::Spool)
    return fmt::format("{} is to be unbanned; queued in {}", ip, spool);
  if (made.where == Whereabouts::TableByAnother)
    return fmt::format("the unban was queued and is no longer in the queue; what the table made of it is not known here: {}", ip);
  if (rows == 0)
    return fmt::format("{}: no ban {}", ip, !left.empty() ? "of its own is in force" : "in force is recorded");
  if (over == rows)
    return fmt::format("{}: no ban {}was in force any more ({}, over or unbanned before)", ip, !left.empty() ? "of its own " : "", count);
  return fmt::format("unbanned {} ({}{})", ip, count, over == 0 ? "" : fmt::format(", {} of them over or unbanned before", over));
}

void say(const Settings &settings, Json json, const std::string &text) {
  if (settings.console.json())
    settings.console.out(json.dump(2) + "\n");
  else
    settings.console.out(text + "\n");
}

// For what is asked after something was recorded.
constexpr std::chrono::seconds patience{1};

// What blocks it all the same. The unban stands, whatever becomes of that question.
std::vector<std::string> left_of(const Settings &settings, const Config &config, const Prefix &ip) {
  BoundedWork question([&](const BoundedWork::Tell &tell) {
    tell({{"left", said_of(leftovers(config, open_all(config, {patience, patience}), ip), ip)}});
  });
  try {
    if (const auto told = question.next(BoundedWork::Clock::now() + patience))
      return told->at("left");
    settings.console.warn("whether other bans block it cannot be told in time");
  } catch (const Error &error) {
    settings.console.warn(fmt::format("whether other bans block it cannot be told: {}", error.what()));
  }
  return {};
}

// What became of the push, for --json and for people.
struct Pushed {
  const char *word = "not asked for";
  Json devices = Json::array();
  double seconds = 0;
  std::string text;
  int code = 0; // of the process: what was recorded is, whatever this says
};

// `asked`: it works behind our back.
Pushed pushed_after(bool asked) {
  Pushed pushed;
  if (asked)
    pushed.word = "queued";
  return pushed;
}

// What of one device's answer decides the exit status: it failed or was not read, or a guard holds what is wanted. A device
// that its policy, its budget or a pause keeps from it is no failure.
int code_of(const Reached &one, bool blocked) {
  if (!one.error.empty() || (!one.shows && !one.paused))
    return 1;
  return one.held && one.shows != blocked ? 5 : 0;
}

std::string text_of(const Reached &one) {
  const std::string &why = one.why.empty() ? one.error : one.why;
  return fmt::format("\n  {:<20} {}{}", one.device,
                     !one.shows   ? "was not read: whether it blocks it cannot be told"
                     : *one.shows ? "blocks it"
                                  : "does not block it",
                     why.empty() ? "" : fmt::format(" ({})", why));
}

Pushed push_and_see(const Settings &settings, const Prefix &ip, bool blocked) {
  Pushed pushed;
  try {
    const Waited waited = push_and_wait(settings, load_all(settings), ip);
    bool all = true;
    for (const Reached &one : waited.devices) {
      all = all && one.error.empty() && one.shows == blocked;
      const int code = code_of(one, blocked);
      pushed.code = pushed.code == 1 || code == 1 ? 1 : std::max(pushed.code, code);
      pushed.devices.push_back({{"device", one.device},
                                {"outcome", one.outcome},
                                {"shows", one.shows ? Json(*one.shows) : Json(nullptr)},
                                {"why", one.why},
                                {"held", one.held},
                                {"paused", one.paused},
                                {"error", one.error}});
      pushed.text += text_of(one);
    }
    pushed.word = all ? "done" : "incomplete";
    pushed.seconds = waited.seconds;
    pushed.text += fmt::format("\n  after {:.2f} s", waited.seconds);
  } catch (const Error &error) { // the ban itself is recorded whatever becomes of the push
    pushed.word = "incomplete";
    pushed.code = 1;
    settings.console.warn(error.what());
  }
  return pushed;
}

} // namespace

namespace {

// Throws Error (Usage) for words that say nothing together.
Occasion occasion_of(const BanOptions &options) {
  const bool restored = options.restored.value_or(0) != 0;
  if (options.prolonged && restored)
    throw Error(ErrorKind::Usage,
                "--prolonged and --restored 1: what fail2ban holds for longer, or what it says again after a restart; not both");
  if (!options.since.empty() && !options.prolonged && !options.restored)
    throw Error(ErrorKind::Usage, fmt::format("--since {}: it is of what is restored or prolonged, and neither --restored nor --prolonged "
                                              "is there; what is new begins now",
                                              shown(options.since)));
  return options.prolonged ? Occasion::Prolonged : restored ? Occasion::Restored : Occasion::New;
}

} // namespace

int ban(const Settings &settings, const BanOptions &options) {
  const Occasion occasion = occasion_of(options);
  const auto begun = begun_of(options.since);
  NewBan wanted = new_ban(options.ip, options.jail, options.protocol, options.port, options.bantime, options.hostname, options.reason);
  if (!wanted.words.note.empty())
    settings.console.warn(wanted.words.note);
  const Config config = load_for_recording(settings);
  read_no_tls_settings(config.tables);
  wanted.occasion = occasion;
  wanted.begun = occasion == Occasion::New ? std::nullopt : begun;
  wanted.lasts = length_for(config.policy, wanted.jail);
  const bool waits_for_push = options.wait && !options.no_push && !config.devices.empty();
  const RecordedBan made = record(settings, config, wanted, options.wait || options.no_push ? AskForPush::No : AskForPush::Yes,
                                  [&] { require_nobody_logged_in(config, wanted.ip, options); });
  const Pushed pushed = waits_for_push ? push_and_see(settings, wanted.ip, true) : pushed_after(made.push_asked);
  say(settings,
      {{"schema", 1},
       {"ip", ip_text(wanted.ip)},
       {"jail", wanted.jail},
       {"hostname", wanted.hostname},
       {"protocol", wanted.protocol},
       {"port", wanted.port},
       {"note", wanted.words.note},
       {"recorded", words_of(made)},
       {"push", pushed.word},
       {"devices", pushed.devices},
       {"seconds", pushed.seconds}},
      text_of(made, wanted, config.spool) + pushed.text);
  return pushed.code;
}

int unban(const Settings &settings, const UnbanOptions &options) {
  const auto ip = Prefix::parse(options.ip);
  if (!ip)
    throw Error(ErrorKind::Usage,
                fmt::format("unban \"{}\": no address or prefix: {} (column {})", shown(options.ip), ip.error().what, ip.error().column));
  const Config config = load_for_recording(settings);
  read_no_tls_settings(config.tables);
  const SpooledUnban wanted{*ip,
                            row_name(options.jail),
                            row_name(options.hostname),
                            actor(),
                            options.by == "fail2ban" ? Revoker::Fail2ban : Revoker::Operator,
                            {},
                            0};
  const bool waits_for_push = options.wait && !options.no_push && !config.devices.empty();
  const RecordedUnban made = record(settings, config, wanted, options.wait || options.no_push ? AskForPush::No : AskForPush::Yes);
  if (made.spool_unread)
    settings.console.warn(fmt::format("what waits in the spool {} could not be looked at: a ban of {} among it comes into force after this "
                                      "unban, unless the table shows the unban by then; unban it again once the spool answers",
                                      config.spool, ip_text(*ip)));
  // What fail2ban unbans by itself nobody reads about.
  const bool is_in_table = made.where != Whereabouts::Spool;
  const auto left = is_in_table && options.by != "fail2ban" ? left_of(settings, config, *ip) : std::vector<std::string>{};
  const Pushed pushed = waits_for_push ? push_and_see(settings, *ip, false) : pushed_after(made.push_asked);
  const std::string text = text_of(made, ip_text(*ip), config.spool, left);
  Json json{{"schema", 1}, {"ip", ip_text(*ip)}, {"push", pushed.word}, {"devices", pushed.devices}, {"seconds", pushed.seconds}};
  const bool is_known = made.where == Whereabouts::Table;
  json["unbanned"] = is_known ? Json(made.unbanned.rows) : Json(is_in_table ? delivered : queued);
  json["over"] = is_known && wanted.who == Revoker::Operator ? Json(made.unbanned.over) : Json(nullptr);
  json["left"] = left;
  json["spool_unread"] = made.spool_unread;
  say(settings, std::move(json), fmt::format("{}{}{}{}", text, pushed.text, left.empty() ? "" : "\n", fmt::join(left, "\n")));
  return pushed.code == 0 && made.spool_unread ? 1 : pushed.code;
}

} // namespace banpush
