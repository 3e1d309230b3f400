#include "lab/device/saved.hpp"

#include "lab/device/shell.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace banpush::lab {

namespace {

// One line of the file, or what was made of it.
struct Line {
  std::size_t number = 0, indent = 0;
  std::string text; // without blanks at its ends
};

std::string trimmed(const std::string &text) {
  const std::size_t from = text.find_first_not_of(" \t\r"), to = text.find_last_not_of(" \t\r\n");
  return from == std::string::npos || to == std::string::npos ? std::string() : text.substr(from, to - from + 1);
}

bool is_comment(const std::string &text) {
  return text.empty() || text.front() == '!' || text.front() == '#' || text.rfind("/*", 0) == 0 || text.rfind("//", 0) == 0;
}

bool ends_with(const std::string &text, char last) { return !text.empty() && text.back() == last; }

constexpr const char *key_begins = "-----BEGIN ", *key_ends = "-----END ";

// A key or certificate whose lines go on below this one.
bool begins_key(const std::string &line, const std::string &text, std::size_t rest) {
  return line.find(key_begins) != std::string::npos && line.find(key_ends) == std::string::npos && rest < text.size() &&
         text.find(key_ends, rest) != std::string::npos;
}

// The lines without those that say nothing, and without free text and keys, whose lines may look like any other.
std::vector<Line> lines_of(const std::string &text, const Description &description) {
  const Pattern &passage = description.passage;
  std::vector<Line> lines;
  std::string end; // of free text; empty: outside
  std::size_t number = 0;
  for (std::size_t from = 0; from < text.size();) {
    std::size_t to = text.find('\n', from);
    to = to == std::string::npos ? text.size() : to;
    const std::string whole = text.substr(from, to - from);
    from = to + 1;
    ++number;
    const std::string line = trimmed(whole);
    if (!end.empty()) {
      if (line.find(end) != std::string::npos)
        end.clear();
      continue;
    }
    if (const auto match = passage.empty() ? std::nullopt : passage.match(line)) {
      end = std::string(match->group("end").value_or(description.passage_end));
      if (const auto rest = match->group("rest"); rest && rest->find(end) != std::string_view::npos)
        end.clear(); // all of it in one line
      lines.push_back({number, 0, line});
      continue;
    }
    if (!is_comment(line))
      lines.push_back({number, whole.find_first_not_of(" \t"), line});
    if (begins_key(line, text, from))
      end = key_ends;
  }
  return lines;
}

// `firewall { family inet { … } }` as statements, each with its whole path.
std::vector<Line> out_of_braces(const std::vector<Line> &lines, const std::string &beginning) {
  std::vector<Line> all;
  std::vector<std::string> path;
  const auto say = [&](std::size_t number, const std::string &leaf) {
    std::string text = beginning;
    for (const std::string &word : path)
      text += word + " ";
    all.push_back({number, 0, trimmed(text + leaf)});
  };
  for (const Line &line : lines) {
    if (ends_with(line.text, '{')) {
      path.push_back(trimmed(line.text.substr(0, line.text.size() - 1)));
      continue;
    }
    if (line.text.front() == '}') {
      if (!path.empty())
        path.pop_back();
      continue;
    }
    std::string leaf = line.text;
    const bool closed = leaf.find(';') != std::string::npos; // a comment may stand behind it
    if (closed)
      leaf.resize(leaf.rfind(';'));
    else if (beginning == "set ") // such files say "…" what commands say '…'
      std::replace(leaf.begin(), leaf.end(), '"', '\'');
    const std::size_t open = leaf.find('['), close = leaf.rfind(']');
    if (open == std::string::npos || close == std::string::npos || close < open) {
      say(line.number, leaf);
      continue;
    }
    std::string values = leaf.substr(open + 1, close - open - 1);
    const std::string name = leaf.substr(0, open);
    for (std::size_t at = values.find_first_not_of(' '); at != std::string::npos; at = values.find_first_not_of(' ', at)) {
      const std::size_t to = std::min(values.find(' ', at), values.size());
      say(line.number, name + values.substr(at, to - at));
      at = to;
    }
  }
  return all;
}

// `/ip firewall raw`, and below it `add …`; a backslash at its end draws the next line to a line.
std::vector<Line> out_of_sections(const std::vector<Line> &lines) {
  std::vector<Line> all;
  std::string path, begun;
  std::size_t number = 0;
  for (const Line &line : lines) {
    number = begun.empty() ? line.number : number;
    if (ends_with(line.text, '\\')) {
      begun += line.text.substr(0, line.text.size() - 1);
      continue;
    }
    const std::string text = begun + line.text;
    begun.clear();
    const bool is_path = text.front() == '/' && text.find('=') == std::string::npos;
    if (is_path)
      path = text;
    else
      all.push_back({number, 0, text.front() == '/' || path.empty() ? text : path + " " + text});
  }
  return all;
}

std::vector<Line> commands_of(const Description &description, const std::string &text) {
  using SavedAs = Description::SavedAs;
  std::vector<Line> lines = lines_of(text, description);
  if (description.saved_as == SavedAs::Sections)
    return out_of_sections(lines);
  if (description.saved_as == SavedAs::Statements &&
      std::any_of(lines.begin(), lines.end(), [](const Line &line) { return ends_with(line.text, '{'); }))
    return out_of_braces(lines, description.statement);
  return lines;
}

bool is_end_of_block(const std::string &text) {
  static const std::set<std::string> words{"end", "exit", "quit", "next", "return", "}"};
  return words.count(text) != 0;
}

class Typist {
public:
  explicit Typist(Emulated &device) : device_(device) {}

  void take(const Line &line) {
    ++device_.lines_of_saved;
    if (passed_over(line))
      return;
    if (shell_ == nullptr || (line.indent == 0 && !is_end_of_block(line.text)))
      shell_ = std::make_unique<Shell>(device_, Fields{}, Shell::Origin::Console);
    shell_->take(line.text);
    std::string answer = trimmed(shell_->take_reply());
    if (shell_->asks())
      answer += (answer.empty() ? "it asks: " : "; it asks: ") + trimmed(shell_->prompt());
    const bool over = shell_->asks() || shell_->wish() != Shell::Wish::Nothing;
    if (over)
      shell_.reset();
    if (answer.empty() || is_end_of_block(line.text))
      return;
    device_.unread.push_back({line.number, line.text, answer, 0});
    refused_at_ = line.indent;
  }

private:
  // What stands below a line that was refused would be typed into whatever mode the session is in.
  bool passed_over(const Line &line) {
    if (!refused_at_)
      return false;
    const bool closes = line.indent == *refused_at_ && is_end_of_block(line.text);
    const bool below = line.indent > *refused_at_;
    if (closes || !below)
      refused_at_.reset();
    if (closes || below)
      ++device_.unread.back().below;
    return closes || below;
  }

  Emulated &device_;
  std::unique_ptr<Shell> shell_;
  std::optional<std::size_t> refused_at_;
};

} // namespace

void take_over(Emulated &device, const std::string &text) {
  Typist typist(device);
  for (const Line &line : commands_of(device.description(), text))
    typist.take(line);
  ++device.version;
  ++device.changes;
}

} // namespace banpush::lab
