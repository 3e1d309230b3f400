#include "app/world/spool.hpp"

#include <fmt/format.h>

namespace banpush {

Protection known_protection(const Config &config, Fetched &fetched) {
  Protection protection = ask_for_protection(config, fetched);
  const auto names = names_to_ask(names_of(config));
  if (names.empty())
    return protection;
  try {
    Spool spool(config.spool);
    remember_names(protection.names, names, spool);
  } catch (const Error &error) {
    fetched.notes.push_back(fmt::format("what names stand for cannot be kept for the time when they do not resolve: {}", error.what()));
  }
  return protection;
}

Fetched fetch(Config &config) {
  Fetched fetched = fetch_rows(config, open_all(config));
  protect(config, fetched, known_protection(config, fetched));
  return fetched;
}

} // namespace banpush
