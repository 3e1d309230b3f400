#include "transport/cli/prompt.hpp"

#include "transport/cli/line.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::size_t significant = 16; // characters of a name
constexpr std::size_t most_lines = 3;   // that a prompt has before its last
constexpr std::size_t least_of_a_cut_name = 4;

bool of_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.'; }

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view last_line(std::string_view text) {
  text = trimmed_end(text);
  const std::size_t at = text.rfind('\n');
  return at == std::string_view::npos ? text : text.substr(at + 1);
}

// Modes in round brackets go: `edge1(config-ext-nacl)#`. Where nothing but them is left (`(Switch) #`)
// they stay.
std::string without_brackets(std::string_view text) {
  std::string out;
  int depth = 0;
  for (const char c : text) {
    depth += c == '(';
    if (depth == 0)
      out += c;
    depth -= c == ')' && depth > 0;
  }
  return std::any_of(out.begin(), out.end(), of_name) ? out : std::string(text);
}

// A command counter behind the name: `host.12`.
std::string without_counter(std::string name) {
  const std::size_t dot = name.rfind('.');
  const bool counts =
      dot != std::string::npos && dot > 0 && dot + 1 < name.size() &&
      std::all_of(name.begin() + static_cast<std::ptrdiff_t>(dot) + 1, name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  if (counts && !std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0 || c == '.'; }))
    name.resize(dot);
  return name;
}

// A time, a date or a number of a line counts on by itself: a name has a letter, or is an address.
bool may_be_name(const std::string &word) {
  static const Pattern address(R"(\A\d{1,3}(?:\.\d{1,3}){3}\z)");
  return std::any_of(word.begin(), word.end(), [](unsigned char c) { return std::isalpha(c) != 0; }) || address.found_in(word);
}

std::string first_name(std::string_view text) {
  std::string word;
  for (const char c : std::string(text) + " ") {
    if (of_name(c)) {
      word += c;
      continue;
    }
    if (word.rfind("Slot-", 0) != 0 && may_be_name(word))
      return without_counter(word);
    word.clear();
  }
  return {};
}

// Digits, flags and blanks do not tell prompts apart.
std::string essence(std::string_view prompt) {
  std::string out;
  for (const char c : trimmed_end(prompt)) {
    if (c == '*' || c == '!' || c == '~' || is_blank(c))
      continue;
    if (std::isdigit(static_cast<unsigned char>(c)) == 0)
      out += c;
    else if (out.empty() || out.back() != '0')
      out += '0';
  }
  return out;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// A line that was too long for the terminal and was scrolled: `edge1(config)#$13.7 any log`.
bool is_scrolled(std::string_view line, std::string_view sent) {
  const std::size_t dollar = line.rfind('$');
  if (dollar == std::string_view::npos)
    return false;
  const std::string rest = squeezed(line.substr(dollar + 1));
  return rest.size() >= 4 ? ends_with(squeezed(sent), rest) : dollar + 1 == trimmed_end(line).size();
}

} // namespace

std::string prompt_name(std::string_view prompt) {
  const std::string line = without_brackets(last_line(prompt));
  // user@host, and RP/0/RP0/CPU0:host; the colon of `user@host:~$` comes behind the name.
  for (const char sign : {'@', ':'})
    if (const std::size_t at = line.find(sign); at != std::string::npos)
      if (std::string name = first_name(std::string_view(line).substr(at + 1)); !name.empty())
        return name;
  return first_name(line);
}

bool shows_name(std::string_view prompt, std::string_view name) {
  name = name.substr(0, significant);
  if (name.empty())
    return true;
  for (std::size_t at = prompt.find(name); at != std::string_view::npos; at = prompt.find(name, at + 1))
    if (at == 0 || !of_name(prompt[at - 1]))
      return true;
  // `a-long-na~ (policy) #`
  for (std::size_t cut = prompt.find('~'); cut != std::string_view::npos; cut = prompt.find('~', cut + 1)) {
    std::size_t from = cut;
    while (from > 0 && of_name(prompt[from - 1]))
      --from;
    if (cut - from >= least_of_a_cut_name && name.substr(0, cut - from) == prompt.substr(from, cut - from))
      return true;
  }
  return false;
}

std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (!is_blank(c))
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (!out.empty() && out.back() == ' ')
    out.pop_back();
  return out;
}

bool same_prompt(std::string_view a, std::string_view b) { return essence(a) == essence(b); }

Prompts::Prompts(const Driver &driver) {
  for (const auto &[name, pattern] : driver.prompts) {
    const std::string &text = pattern.text();
    forms_.push_back(
        {name, Pattern("\\A(?:" + text + ")\\s*\\z"), Pattern("\\A(?:" + text + ")"), Pattern("(?:" + text + ")\\s*\\z"), {}, {}});
  }
  if (forms_.empty())
    throw Error(ErrorKind::Config, fmt::format("driver {} has no `prompts`, and none is guessed", driver.name));
}

std::string Prompts::names() const {
  std::string out;
  for (const Form &form : forms_)
    out += (out.empty() ? "" : ", ") + form.name;
  return out;
}

bool Prompts::is_form(const std::string &text) const {
  const std::string bare(trimmed_end(text));
  return std::any_of(forms_.begin(), forms_.end(),
                     [&](const Form &form) { return form.whole.found_in(text) || form.whole.found_in(bare); });
}

bool Prompts::shows_known_name(std::string_view prompt) const {
  return names_.empty() || std::any_of(names_.begin(), names_.end(), [&](const std::string &name) { return shows_name(prompt, name); });
}

void Prompts::learn(const std::string &prompt) {
  const std::string name = prompt_name(prompt);
  for (Form &form : forms_)
    if (form.whole.found_in(prompt) || form.whole.found_in(prompt + " ")) {
      if (form.first_name.empty())
        form.first_name = name;
      if (form.last_name.empty() || !shows_name(prompt, form.last_name)) // cut otherwise, it is the same name
        form.last_name = name;
    }
  if (names_.empty() || !shows_known_name(prompt))
    names_.push_back(name);
}

std::optional<std::pair<std::string, std::string>> Prompts::renamed() const {
  for (const Form &form : forms_)
    if (form.last_name != form.first_name)
      return std::pair(form.first_name, form.last_name);
  return std::nullopt;
}

bool Prompts::may_end(const std::string &line) const {
  return std::any_of(forms_.begin(), forms_.end(), [&](const Form &form) { return form.end.found_in(line); });
}

bool Prompts::is(const Pattern &pattern, const std::string &prompt) {
  const Pattern whole("\\A(?:" + pattern.text() + ")\\s*\\z");
  return whole.found_in(prompt + " ") || whole.found_in(prompt);
}

bool Prompts::is_bare(const std::string &line, const std::string &prompt) {
  return !prompt.empty() && same_prompt(line, last_line(prompt));
}

std::size_t Prompts::words_before(const std::string &line, const std::string &prompt) {
  const std::string_view last = last_line(prompt), whole = trimmed_end(line);
  if (last.empty() || whole.empty() || whole.back() != last.back() || same_prompt(whole, last))
    return 0;
  constexpr std::size_t grown = 8; // by the digits and flags that count by themselves
  std::size_t at = whole.size() > last.size() + grown ? whole.size() - last.size() - grown : 1;
  if (ends_with(whole, last))
    at = whole.size() - last.size();
  while (at < whole.size() && !(same_prompt(whole.substr(at), last) && !is_blank(whole[at])))
    ++at;
  return at < whole.size() ? at : 0;
}

std::optional<Prompts::Found> Prompts::at_end(const std::vector<std::string> &lines, const std::string &current) const {
  return found_at_end(lines, current, Named::AsLearnt);
}

std::optional<Prompts::Found> Prompts::of_another_name(const std::vector<std::string> &lines, const std::string &current) const {
  return found_at_end(lines, current, Named::Otherwise);
}

std::optional<Prompts::Found> Prompts::found_at_end(const std::vector<std::string> &lines, const std::string &current, Named named) const {
  if (trimmed_end(current).empty())
    return std::nullopt;
  std::string text = current;
  std::optional<Found> found;
  for (std::size_t before = 0; before <= std::min(most_lines, lines.size()); ++before) {
    if (before > 0) {
      const std::string &line = lines[lines.size() - before];
      // What is a prompt already grows only by a line that looks like a prompt's head (`[edit]`, `{master}`):
      // a pattern that takes blanks takes line ends, and would eat the output.
      if (found && (line.empty() || std::string_view("[{(*!").find(line.front()) == std::string_view::npos))
        break;
      text.insert(0, line + "\n");
    }
    if (is_form(text) && shows_known_name(text) == (named == Named::AsLearnt))
      found = Found{std::string(trimmed_end(text)), before};
    else if (found)
      break;
  }
  return found;
}

std::size_t Prompts::length_at_start(const std::string &line, const std::string &prompt) const {
  const std::string_view last = last_line(prompt);
  if (!last.empty() && line.compare(0, last.size(), last) == 0)
    return last.size();
  std::size_t length = 0;
  for (const Form &form : forms_)
    if (const auto match = form.start.match(line))
      if (shows_known_name(match->whole))
        length = std::max(length, match->whole.size());
  return length;
}

Prompts::Echoed Prompts::echo(const std::vector<std::string> &lines, const std::string &line, const std::string &sent,
                              const std::string &prompt) const {
  const std::string came = squeezed(line), went = squeezed(sent);
  if (came == went)
    return {Echo::Bare, std::nullopt, {}};
  if (is_bare(line, prompt))
    return {};
  if (ends_with(came, went)) {
    const std::string before = came.substr(0, came.size() - went.size());
    const std::size_t words = words_before(before, prompt);
    if (auto found = at_end(lines, before); found && words == 0)
      return {Echo::Exact, std::move(found), {}};
    if (auto found = of_another_name(lines, before)) // the very line that was sent, behind a prompt: the device was renamed
      return {Echo::Exact, std::move(found), {}};
    if (words != 0 || is_bare(before, prompt))
      return {Echo::Exact, Found{prompt, 0}, before.substr(0, words)};
    for (const Form &form : forms_)
      if (const auto match = form.end.match(before))
        if (shows_known_name(match->whole))
          return {Echo::Exact, Found{std::string(trimmed_end(match->whole)), 0}, {}};
  }
  if (const std::size_t length = length_at_start(line, prompt); length != 0) {
    auto found = at_end(lines, line.substr(0, length));
    return {Echo::Damaged, found ? std::move(found) : Found{std::string(trimmed_end(line.substr(0, length))), 0}, {}};
  }
  if (is_scrolled(line, sent))
    return {Echo::Damaged, std::nullopt, {}};
  return {};
}

} // namespace banpush
