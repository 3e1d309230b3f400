// What a person has to know of a device until it is over: told once when it begins, shown by `status` as long as it is so,
// and told when it ends.
#pragma once

#include "app/words/event.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

struct DeviceReport;

struct Condition {
  enum class Kind : std::uint8_t {
    Attempt, // what failed the last one
    Left,    // by a change, or under the session: unconfirmed, unsaved, renamed
    List,    // that does not stand or is not in force
    Holds,   // a guard, something
    Refuses, // a guard, all
    Passes,  // entries that stand and are not in force
    Service, // of the service, and no device
  };

  // unreachable, login, failing: the last attempt. unconfirmed, unsaved: what a change left behind. renamed: under the session. `list NAME`: it does not
  // stand or is not in force. Else a guard's name: add, remove, storm, capacity, …
  std::string name;
  std::string text; // what is so, and what a person may do about it
  Kind kind = Kind::Service;

  bool operator==(const Condition &) const = default;
};

// As the state file has it: "attempt", "holds", … Of a word that is none: Holds.
const char *word(Condition::Kind kind) noexcept;
Condition::Kind condition_kind(std::string_view word) noexcept;

// Whether it is a failure of the last attempt: one at a time, and the others are over by that.
bool is_of_the_attempt(const std::string &name);

// All that is so after this attempt. What it could not look at is as it was `before`.
std::vector<Condition> conditions_after(const DeviceReport &report, const std::vector<Condition> &before);

// What has begun or ended: a line for a log without the device's name.
struct News {
  Event event;
  std::string text;
  std::string of = {}; // the list or guard it is about
};

// From one to the other. A text that changed while its condition goes on is news only of the last attempt, whose error it is.
std::vector<News> news(const std::vector<Condition> &before, const std::vector<Condition> &now);

} // namespace banpush
