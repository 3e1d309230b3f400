#include "app/record/waiting.hpp"

#include "app/record/spool_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

void add_waiting_if_readable(Fetched &fetched, const Config &config, Spool &spool) {
  try {
    add_waiting(fetched, config, spool);
  } catch (const Error &error) {
    fetched.notes.push_back(fmt::format("the spool cannot be read: {}", error.what()));
  }
}

Fetched fetch_with_waiting(Config &config) {
  Fetched fetched = fetch_rows(config, open_all(config));
  const SpoolLook look = look_for_waiting(config.spool);
  if (look.spool)
    add_waiting_if_readable(fetched, config, *look.spool);
  if (look.spool || !look.trouble.empty()) {
    const SpoolReport report = report_of_spool(config.spool);
    fetched.notes.insert(fetched.notes.end(), report.text.begin(), report.text.end());
  }
  protect(config, fetched, known_protection(config, fetched));
  return fetched;
}

} // namespace banpush
