// What the files of State share: the open database, and how its times are written.
#pragma once

#include "app/state/state.hpp"
#include "bans/sqlite/sqlite.hpp"

#include <cstdint>
#include <ctime>

#include <fmt/format.h>

namespace banpush {

struct State::Handle {
  Database database;
  explicit Handle(const std::string &path) : database(path, Database::Open::Create, ErrorKind::Config) {}
};

// Runs an action on the database; what goes wrong becomes trouble, said once, and the pass goes on.
template <typename Action>
void State::with(const char *what, Action action) {
  const std::int64_t before = handle_ ? handle_->database.changes() : 0;
  try {
    action();
    if (handle_ && handle_->database.changes() != before)
      failing_.clear();
  } catch (const Error &error) {
    failing_ = fmt::format("the state file {} ({}): {}; pushes go on, but what they did is not written down", path_, what, error.what());
    if (trouble_.empty())
      trouble_ = failing_;
  }
}

// Seconds since the epoch by this host's clock, and as people read them.
inline std::int64_t seconds_now() { return static_cast<std::int64_t>(std::time(nullptr)); }
std::string local_time(std::int64_t at);

// A block as the state file has it. Throws Error (Config) where it is none.
Block block_of(const std::string &text);

} // namespace banpush
