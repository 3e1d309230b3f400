// What the host names of a configuration stand for: asked for all together with one bound, and where nobody answers, the
// last good answer, for a day.
#pragma once

#include "settings/config.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace banpush {

class Spool;

// The last good answer is good for so long.
inline constexpr Seconds names_last = day;
// So long all of them together are waited for.
inline constexpr std::chrono::milliseconds longest_for_names{3000};

struct NameAnswers {
  std::map<std::string, std::vector<Prefix>> known; // without those that nothing is known of
  std::map<std::string, Seconds> remembered;        // which of them are last good answers, and how old those are

  std::vector<Prefix> of(const std::string &name) const;
  // What is to be said of the last good answers that serve; empty where there are none.
  std::string note() const;
};

// The names that protect something: of `protect`, which must be known, of devices, and of tables. Addresses are no names.
std::vector<std::string> names_of(const Config &config);

// Those of them that are addresses, which need no asking; and the others, each once.
NameAnswers addresses_among(const std::vector<std::string> &names);
std::vector<std::string> names_to_ask(const std::vector<std::string> &names);

// Asks for all at once: for the needed ones up to `patience`, for the others as long as is good enough for them.
NameAnswers ask_names(const std::vector<std::string> &needed, std::chrono::milliseconds patience,
                      const std::vector<std::string> &others = {});

// Puts the last good answers where there is none now, and keeps those that there are now.
void remember_names(NameAnswers &answers, const std::vector<std::string> &names, Spool &spool);
// Puts them only.
void recall_names(NameAnswers &answers, const std::vector<std::string> &names, Spool &spool);

// Puts the prefixes of `protect`'s host names into each policy. Returns what is wrong with those that nothing is known
// of: what must be protected and cannot be found stops every push.
std::vector<std::string> put_protected_hosts(Config &config, const NameAnswers &answers);

// Throws Error (Config) naming what must be protected and cannot be found.
void require_protected_hosts(const std::vector<std::string> &unknown);

} // namespace banpush
