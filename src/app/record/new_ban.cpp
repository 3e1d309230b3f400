#include "app/record/new_ban.hpp"

#include "app/record/ban_words.hpp"
#include "app/state/state.hpp"

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace banpush {

namespace {

constexpr std::size_t most_hostname = 255, most_reason = 255;
constexpr const char *no_jail = "manual", *no_hostname = "unknown";

std::string own_name() {
  std::array<char, most_hostname + 1> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? row_name(name.data()) : std::string();
}

// A name as a row may have it, and a note where that is another.
std::string named(const char *what, const std::string &given, const std::string &otherwise, std::vector<std::string> &notes) {
  std::string name = row_name(given);
  if (name.empty())
    name = otherwise;
  if (name != given)
    notes.push_back(fmt::format("{} \"{}\" is recorded as \"{}\"", what, shown(given), name)); // of characters that can be shown
  return name;
}

// Any text of characters that can be shown; quotes do no harm there.
std::string kept_reason(std::string_view reason) {
  constexpr std::string_view quotes = "\"'`\\";
  std::string text;
  while (!reason.empty()) {
    const std::size_t end = std::min(reason.find_first_of(quotes), reason.size());
    text += shown(reason.substr(0, end), most_reason);
    if (end != reason.size())
      text += reason[end];
    reason.remove_prefix(std::min(end + 1, reason.size()));
  }
  return text.size() <= most_reason ? text : shown(text.substr(0, most_reason), most_reason) + "…";
}

void take(std::vector<std::string> &notes, const Told &told) { notes.insert(notes.end(), told.notes.begin(), told.notes.end()); }

} // namespace

std::string ip_text(const Prefix &prefix) { return prefix.is_host() ? prefix.address() : prefix.text(); }

NewBan new_ban(const std::string &ip, const std::string &jail, const std::string &protocol, const std::string &port,
               const std::string &bantime, const std::string &hostname, const std::string &reason) {
  NewBan ban;
  const auto prefix = Prefix::parse(ip);
  if (!prefix)
    throw Error(ErrorKind::Usage,
                fmt::format("ban \"{}\": no address or prefix: {} (column {})", shown(ip), prefix.error().what, prefix.error().column));
  ban.ip = *prefix;
  std::vector<std::string> notes;
  ban.jail = named("jail", jail, no_jail, notes);
  const Told protocols = told_protocol(protocol);
  const Told ports = told_ports(port, protocols.column);
  take(notes, protocols);
  take(notes, ports);
  ban.protocol = protocols.column;
  ban.port = ports.column;
  ban.until = bantime_of(bantime);
  const std::string own = hostname.empty() ? own_name() : hostname;
  ban.hostname = named("hostname", own, no_hostname, notes);
  ban.reason = kept_reason(reason);
  if (ban.reason != reason)
    notes.push_back(fmt::format("reason: recorded as \"{}\"", ban.reason)); // escaped already
  ban.words = {ports.exact, protocols.exact, fmt::format("{}", fmt::join(notes, "; "))};
  ban.actor = actor();
  return ban;
}

} // namespace banpush
