// A Mustache template of a driver, checked when it is loaded: no partials, no delimiter changes, no
// unknown names, nothing escaped. (https://mustache.github.io/mustache.5.html)
#pragma once

#include "core/error.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace banpush {

// What a template sees: text, a truth, or a list of further views.
struct View {
  using Value = std::variant<std::string, bool, std::vector<View>>;
  std::map<std::string, Value> values;
};

class TextTemplate {
public:
  TextTemplate() = default;
  // `file` is for messages. Throws Error (Config) `file:line:column: …` for broken syntax, a partial,
  // a delimiter change, or a `{{{raw}}}` or `{{&raw}}` tag.
  TextTemplate(std::string file, std::string text);

  // One name the template uses, and where: `line:column`.
  struct Use {
    std::string name;
    std::size_t line, column;
  };
  const std::vector<Use> &uses() const noexcept { return uses_; }
  const std::string &file() const noexcept { return file_; }
  const std::string &text() const noexcept { return text_; }

  std::string render(const View &view) const;

private:
  std::string file_, text_;
  std::vector<Use> uses_;
};

// One line of a driver (`send`, an argv word) in which only {{names}} of simple values may stand.
std::string expand(std::string_view line, const std::map<std::string, std::string> &values);
// The names such a line uses.
std::vector<std::string> names_in(std::string_view line);

} // namespace banpush
