#include "core/driver/text_template.hpp"

#include <cctype>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <kainjow/mustache.hpp>

namespace banpush {

namespace {

namespace mustache = kainjow::mustache;

struct Place {
  std::size_t line = 1, column = 1;
};

Place place_of(std::string_view text, std::size_t offset) {
  Place place;
  for (const char c : text.substr(0, offset)) {
    place.column = c == '\n' ? 1 : place.column + 1;
    place.line += c == '\n' ? 1 : 0;
  }
  return place;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

bool is_name(std::string_view text) {
  if (text.empty())
    return false;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_')
      return false;
  return true;
}

// Only what the template names is made: a view of a thousand entries is dear, and most lines name none of it.
mustache::data to_data(const View &view, const std::set<std::string_view> &names) {
  mustache::data data{mustache::data::type::object};
  for (const auto &[name, value] : view.values) {
    if (names.count(name) == 0)
      continue;
    if (const auto *text = std::get_if<std::string>(&value)) {
      // An empty value is false, as an unset param is; mustache would take "" for true.
      data.set(name, text->empty() ? mustache::data{false} : mustache::data{*text});
    } else if (const auto *truth = std::get_if<bool>(&value)) {
      data.set(name, mustache::data{*truth});
    } else {
      mustache::data list{mustache::data::type::list};
      for (const View &item : std::get<std::vector<View>>(value))
        list.push_back(to_data(item, names));
      data.set(name, std::move(list));
    }
  }
  return data;
}

// The text with its names filled in, where it has no section and no comment; nothing where it has.
std::optional<std::string> filled_in(std::string_view text, const View &view) {
  std::string out;
  for (std::size_t open = text.find("{{"); open != std::string_view::npos; open = text.find("{{")) {
    const std::size_t close = text.find("}}", open);
    const std::string_view name = trimmed(text.substr(open + 2, close - open - 2));
    if (!is_name(name))
      return std::nullopt;
    out += text.substr(0, open);
    if (const auto found = view.values.find(std::string(name)); found != view.values.end())
      if (const auto *value = std::get_if<std::string>(&found->second))
        out += *value;
    text.remove_prefix(close + 2);
  }
  return out.append(text);
}

} // namespace

TextTemplate::TextTemplate(std::string file, std::string text) : file_(std::move(file)), text_(std::move(text)) {
  const auto fail = [this](std::size_t offset, const std::string &what) {
    const Place place = place_of(text_, offset);
    throw Error(ErrorKind::Config, fmt::format("{}:{}:{}: {}", file_, place.line, place.column, what));
  };
  std::vector<std::pair<std::string, std::size_t>> open;
  for (std::size_t at = text_.find("{{"); at != std::string::npos; at = text_.find("{{", at)) {
    if (text_.compare(at, 3, "{{{") == 0)
      fail(at, "{{{…}}} is not used here: nothing is escaped, {{name}} is enough");
    const std::size_t end = text_.find("}}", at);
    if (end == std::string::npos)
      fail(at, "tag is not closed by }}");
    std::string_view inside = trimmed(std::string_view(text_).substr(at + 2, end - at - 2));
    const char kind = inside.empty() ? ' ' : inside.front();
    const bool section = kind == '#' || kind == '^' || kind == '/';
    if (kind == '>')
      fail(at, "partials are not used here");
    if (kind == '=')
      fail(at, "delimiters cannot be changed here");
    if (kind == '&')
      fail(at, "{{&name}} is not used here: nothing is escaped, {{name}} is enough");
    if (kind != '!') {
      if (section)
        inside = trimmed(inside.substr(1));
      if (!is_name(inside))
        fail(at, fmt::format("`{}` is not a name", inside));
      const std::string name(inside);
      if (kind == '/') {
        if (open.empty() || open.back().first != name)
          fail(at, open.empty() ? fmt::format("{{{{/{}}}}} closes nothing", name)
                                : fmt::format("{{{{/{}}}}} found where {{{{/{}}}}} is due", name, open.back().first));
        open.pop_back();
      } else {
        const Place place = place_of(text_, at);
        uses_.push_back({name, place.line, place.column});
        if (section)
          open.emplace_back(name, at);
      }
    }
    at = end + 2;
  }
  if (!open.empty())
    fail(open.back().second, fmt::format("section {{{{#{}}}}} is not closed", open.back().first));
  const mustache::mustache parsed(text_);
  if (!parsed.is_valid())
    fail(0, parsed.error_message());
}

std::string TextTemplate::render(const View &view) const {
  if (auto plain = filled_in(text_, view))
    return *plain;
  std::set<std::string_view> names;
  for (const Use &use : uses_)
    names.insert(use.name);
  mustache::mustache parsed(text_);
  parsed.set_custom_escape([](const std::string &value) { return value; });
  return parsed.render(to_data(view, names));
}

namespace {

template <typename Found>
std::string walk_names(std::string_view line, Found found) {
  std::string out;
  std::size_t at = 0;
  while (at < line.size()) {
    const std::size_t open = line.find("{{", at);
    if (open == std::string_view::npos)
      break;
    const std::size_t close = line.find("}}", open);
    if (close == std::string_view::npos)
      throw Error(ErrorKind::Config, fmt::format("`{}`: {{{{ is not closed", line));
    const std::string_view name = trimmed(line.substr(open + 2, close - open - 2));
    if (!is_name(name))
      throw Error(ErrorKind::Config, fmt::format("`{}`: `{}` is not a name", line, name));
    out += line.substr(at, open - at);
    out += found(name);
    at = close + 2;
  }
  out += line.substr(at);
  return out;
}

} // namespace

std::string expand(std::string_view line, const std::map<std::string, std::string> &values) {
  return walk_names(line, [&](std::string_view name) {
    const auto value = values.find(std::string(name));
    if (value == values.end())
      throw Error(ErrorKind::Config, fmt::format("`{}`: nothing is called `{}`", line, name));
    return value->second;
  });
}

std::vector<std::string> names_in(std::string_view line) {
  std::vector<std::string> names;
  walk_names(line, [&](std::string_view name) {
    names.emplace_back(name);
    return std::string();
  });
  return names;
}

} // namespace banpush
