// What Prometheus scrapes of the service (docs/http.md names each).
#pragma once

#include "app/http/feeds.hpp"
#include "app/http/figures.hpp"
#include "app/serve/daemon.hpp"

#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace banpush {

// One feed's part as it is handed out, and who fetched it last.
struct FeedFacts {
  FeedPart part;
  std::size_t entries = 0;
  std::time_t changed = 0;
  std::string withheld;         // why it is not handed out; then neither of the two is known
  std::time_t fetched = 0;      // 0: never since the service was started
  bool is_current = false;      // what is there now was fetched
  std::optional<double> waited; // seconds from the last change that was fetched to its first fetch
};

// How often what was asked for came to which status.
using AnswerCounts = std::map<std::pair<std::string, int>, std::uint64_t>;

// `service` is null while one configuration goes and the next one comes. `state` is the caller's own.
std::string metrics(Daemon *service, State &state, const Figures *figures, const std::vector<FeedFacts> &feeds,
                    const AnswerCounts &answers);

} // namespace banpush
