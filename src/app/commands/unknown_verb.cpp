#include "app/commands/unknown_verb.hpp"

#include "config/document/suggestion.hpp"
#include "core/bans/ban.hpp"

#include <fmt/format.h>

namespace banpush {

std::string unknown_verb(const std::string &called, const std::vector<std::string> &words, const std::vector<std::string> &verbs) {
  for (const std::string &word : words)
    if (const auto meant = nearest(word, verbs))
      return fmt::format("banpush: unknown verb \"{}\"; did you mean \"{}\"? `{} --help` lists the verbs", shown(word), *meant, called);
  return fmt::format("banpush: unknown verb \"{}\"; `{} --help` lists the verbs", shown(words.front()), called);
}

} // namespace banpush
