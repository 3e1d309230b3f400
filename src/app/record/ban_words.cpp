#include "app/record/ban_words.hpp"

#include "config/document/duration.hpp"
#include "core/bans/protocols.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netdb.h>

namespace banpush {

namespace {

constexpr std::size_t most_port_text = 32, most_protocol_text = 16; // characters of the how-to's columns
constexpr std::size_t most_exact = 8000, most_entries = 1000, most_service_name = 64;
constexpr std::string_view whole_address = "recorded for the whole address";

struct Range {
  unsigned first = 0, last = 0;
  friend auto operator<=>(const Range &, const Range &) = default;

  bool is_all() const noexcept { return first <= 1 && last == 65535; }
  std::string text() const { return first == last ? fmt::format("{}", first) : fmt::format("{}:{}", first, last); }
};

bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string lower(std::string text) {
  for (char &c : text)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

bool is_number(std::string_view text) noexcept { return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos; }

// The entries of a list by commas and blanks; a blank beside the mark of a range parts nothing.
std::vector<std::string> entries_of(const std::string &text) {
  std::vector<std::string> entries{""};
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != ',' && !is_blank(text[i])) {
      entries.back() += text[i];
      continue;
    }
    const auto next = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(i), text.end(), is_blank);
    const bool in_range =
        text[i] != ',' && ((next != text.end() && *next == ':') || (!entries.back().empty() && entries.back().back() == ':'));
    if (!in_range)
      entries.emplace_back();
  }
  std::erase(entries, "");
  return entries;
}

// A tag that fail2ban passes on as it is, because it knows no such one.
bool is_unfilled(const std::string &text) { return text.size() > 2 && text.front() == '<' && text.back() == '>'; }

std::string joined(const std::vector<std::string> &words) { return fmt::format("{}", fmt::join(words, ",")); }

std::string kept(std::string text) { return shown(text, most_exact); }

class Ports {
public:
  explicit Ports(const std::string &protocol) {
    for (const std::string &one : entries_of(protocol))
      if (one == "tcp" || one == "udp" || one == "sctp" || one == "dccp")
        protocols_.push_back(one);
  }

  // Takes one entry in; what is wrong with it, where it names no port.
  std::string take(const std::string &entry) {
    const std::string text = lower(entry);
    if (text == "all" || text == "any" || text == "anyport" || text == "*") {
      ranges_.push_back({0, 65535});
      return {};
    }
    if (const auto one = ports_of(text); !one.empty())
      return take_ports(one, entry);
    if (const std::size_t colon = text.find(':'); colon != std::string::npos)
      return take_range(text.substr(0, colon), text.substr(colon + 1), entry);
    for (std::size_t dash = text.find('-'); dash != std::string::npos; dash = text.find('-', dash + 1))
      if (dash != 0 && !ports_of(text.substr(0, dash)).empty() && !ports_of(text.substr(dash + 1)).empty())
        return take_range(text.substr(0, dash), text.substr(dash + 1), entry);
    return no_port(text, entry);
  }

  // The list as it was given, without what is there twice.
  std::string text() const {
    std::vector<std::string> words;
    for (const Range &range : ranges_)
      if (const std::string word = range.text(); std::find(words.begin(), words.end(), word) == words.end())
        words.push_back(word);
    return joined(words);
  }

  // The same ports in the fewest ranges.
  std::vector<Range> merged() const {
    std::vector<Range> sorted = ranges_, all;
    std::sort(sorted.begin(), sorted.end());
    for (const Range &range : sorted)
      if (!all.empty() && range.first <= all.back().last + 1)
        all.back().last = std::max(all.back().last, range.last);
      else
        all.push_back(range);
    return all;
  }

private:
  std::string no_port(const std::string &text, const std::string &entry) const {
    if (is_number(text))
      return fmt::format("\"{}\" is not between 1 and 65535", shown(entry, 40));
    return fmt::format("\"{}\" is no port, no range and no service of /etc/services", shown(entry, 40));
  }

  std::string take_ports(const std::set<unsigned> &ports, const std::string &entry) {
    if (ports.count(0) != 0)
      return no_port("0", entry);
    for (const unsigned port : ports)
      ranges_.push_back({port, port});
    return {};
  }

  // A side that is left out is the first or the last port there is, as iptables has it.
  std::string take_range(const std::string &from, const std::string &to, const std::string &entry) {
    const std::set<unsigned> first = from.empty() ? std::set<unsigned>{1} : ports_of(from);
    const std::set<unsigned> last = to.empty() ? std::set<unsigned>{65535} : ports_of(to);
    if (first.empty() || last.empty() || (from.empty() && to.empty()))
      return no_port("", entry);
    if (*first.begin() > *last.rbegin())
      return fmt::format("the range \"{}\" runs backwards", shown(entry, 40));
    if (*last.rbegin() == 0)
      return no_port("0", entry);
    ranges_.push_back({std::max(1U, *first.begin()), *last.rbegin()}); // 0 is no port
    return {};
  }

  // A number, or a service's ports under each of the protocols; of a service that only others have, those. Empty: none.
  std::set<unsigned> ports_of(const std::string &text) const {
    if (is_number(text)) {
      unsigned number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      return error == std::errc{} && number <= 65535 ? std::set{number} : std::set<unsigned>{};
    }
    std::set<unsigned> found;
    if (text.empty() || text.size() > most_service_name)
      return found;
    for (const std::string &protocol : protocols_)
      add_service(text, protocol.c_str(), found);
    if (found.empty())
      add_service(text, nullptr, found);
    if (const auto known = known_port(text); found.empty() && known)
      found.insert(*known);
    return found;
  }

  static void add_service(const std::string &name, const char *protocol, std::set<unsigned> &found) {
    servent entry{}, *result = nullptr;
    std::array<char, 4096> buffer{};
    if (getservbyname_r(name.c_str(), protocol, &entry, buffer.data(), buffer.size(), &result) == 0 && result != nullptr)
      found.insert(static_cast<unsigned>((entry.s_port & 0xff) << 8 | (entry.s_port >> 8 & 0xff))); // network order
  }

  std::vector<std::string> protocols_; // those that have ports
  std::vector<Range> ranges_;
};

} // namespace

Told told_protocol(const std::string &text) {
  if (is_unfilled(text))
    return {"all", "", {}};
  std::string parted = text;
  std::replace_if(
      parted.begin(), parted.end(), [](char c) { return c == '/' || c == '+'; }, ',');
  std::set<std::string> words;
  std::vector<std::string> unknown;
  for (const std::string &entry : entries_of(parted)) {
    const std::string word = protocol_word(entry);
    if (word.empty())
      unknown.push_back(entry);
    else
      words.insert(word);
  }
  Told told;
  told.column = words.empty() || words.count("all") != 0 ? "all" : joined({words.begin(), words.end()});
  if (!unknown.empty())
    told.notes.push_back(
        fmt::format("protocol \"{}\": \"{}\" names no protocol; recorded for all protocols", shown(text), shown(unknown.front(), 40)));
  else if (told.column.size() > most_protocol_text)
    told.notes.push_back(fmt::format("protocol \"{}\": the table's column holds {} characters; recorded for all protocols", shown(text),
                                     most_protocol_text));
  if (!told.notes.empty()) {
    told.column = "all";
    told.exact = kept(text);
  }
  return told;
}

Told told_ports(const std::string &text, const std::string &protocol) {
  const std::vector<std::string> entries = is_unfilled(text) ? std::vector<std::string>{} : entries_of(text);
  if (entries.size() > most_entries)
    return {"", kept(text), {fmt::format("port: a list of {} entries; {}", entries.size(), whole_address)}};
  Ports ports(protocol);
  std::string wrong;
  for (const std::string &entry : entries) {
    const std::string problem = ports.take(entry);
    wrong = wrong.empty() ? problem : wrong;
  }
  if (!wrong.empty())
    return {"", kept(text), {fmt::format("port \"{}\": {}; {}", shown(text), wrong, whole_address)}};
  const std::vector<Range> merged = ports.merged();
  if (merged.empty() || merged.front().is_all())
    return {};
  const std::string exact = ports.text();
  if (exact.size() <= most_port_text)
    return {exact, "", {}};
  std::vector<std::string> words;
  for (const Range &range : merged)
    words.push_back(range.text());
  const std::string shorter = joined(words);
  if (shorter.size() <= most_port_text)
    return {shorter, "", {}};
  return {"", exact, {fmt::format("port \"{}\": the table's column holds {} characters; {}", shown(text), most_port_text, whole_address)}};
}

std::optional<Seconds> bantime_of(const std::string &text) {
  const auto refuse = [&](const std::string &why) -> Error {
    return Error(ErrorKind::Usage, fmt::format("bantime \"{}\": {}", shown(text), why));
  };
  std::string word = text;
  std::erase_if(word, is_blank);
  if (word.empty() || is_unfilled(word))
    return std::nullopt;
  const bool negative = word.front() == '-';
  const std::string digits = word.substr(negative ? 1 : 0);
  const std::size_t dot = digits.find('.');
  const std::string whole = digits.substr(0, dot), fraction = dot == std::string::npos ? "" : digits.substr(dot + 1);
  constexpr const char *no_length = "a ban of no length; -1 or permanent is one that never ends";
  if (is_number(whole) && (fraction.empty() || is_number(fraction))) {
    if (negative && whole.find_first_not_of('0') != std::string::npos)
      return permanent;
    if (negative)
      throw refuse(no_length);
    Seconds seconds = 0;
    const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
    if (error != std::errc{})
      return permanent; // longer than time is counted
    seconds += fraction.find_first_not_of('0') != std::string::npos ? 1 : 0;
    if (seconds == 0)
      throw refuse(no_length);
    return seconds;
  }
  const auto seconds = parse_duration(word);
  if (!seconds)
    throw refuse(seconds.error().what);
  if (*seconds == 0)
    throw refuse(no_length);
  return *seconds;
}

std::optional<Seconds> begun_of(const std::string &time) {
  if (time.empty() || is_unfilled(time))
    return std::nullopt;
  const std::size_t dot = time.find('.');
  const std::string whole = time.substr(0, dot), fraction = dot == std::string::npos ? "" : time.substr(dot + 1);
  Seconds seconds = 0;
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
  if (!is_number(whole) || error != std::errc{} || (!fraction.empty() && !is_number(fraction)))
    throw Error(ErrorKind::Usage,
                fmt::format("since \"{}\": no time; seconds since 1970 are meant, such as fail2ban's <time>", shown(time)));
  return std::max<Seconds>(0, static_cast<Seconds>(std::time(nullptr)) - seconds);
}

} // namespace banpush
