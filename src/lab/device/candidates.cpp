#include "lab/device/shell.hpp"

#include <cstdlib>
#include <fmt/format.h>

namespace banpush::lab {

Configuration &Shell::target() {
  switch (target_) {
  case Target::Own: return own_;
  case Target::Shared:
    if (!device_.shared)
      device_.shared = device_.running;
    return *device_.shared;
  case Target::Named: return device_.named[candidate_];
  default: return device_.running;
  }
}

bool Shell::dirty() const { return target_ != Target::Running && !(const_cast<Shell *>(this)->target() == device_.running); }

void Shell::discard() {
  if (device_.lock_owner == this) {
    device_.lock_owner = nullptr;
    device_.lock.clear();
  }
  target_ = Target::Running;
  own_ = {};
}

bool Shell::edit(const Action &action, const Fields &groups) {
  const std::string kind = text(action, "kind", groups), how = kind.empty() ? text(action, "", groups) : kind;
  if (origin_ == Origin::Console)
    return true;
  if (how == "running") { // a named candidate stays behind
    discard();
    return true;
  }
  if (!device_.lock.empty() && device_.lock_owner != this)
    return object("locked", {}, {}, groups);
  if (how == "exclusive") {
    if (device_.shared && !(*device_.shared == device_.running))
      return object("modified", {}, {}, groups);
    device_.lock_owner = this;
    device_.lock = value("user");
  }
  if (how == "named") {
    candidate_ = text(action, "name", groups);
    const std::string most = device_.running.settings.count("most_pending") != 0 ? device_.running.settings.at("most_pending") : "5";
    if (device_.named.count(candidate_) == 0 && device_.named.size() >= std::stoul(most))
      return object("too_many_pending", {}, {}, groups);
    device_.named.try_emplace(candidate_, device_.running);
    target_ = Target::Named;
    return true;
  }
  target_ = how == "shared" ? Target::Shared : Target::Own;
  own_ = device_.running;
  own_version_ = device_.version;
  return true;
}

milliseconds Shell::length(const Action &action, const Fields &groups) const {
  const std::string minutes = text(action, "minutes", groups), seconds = text(action, "seconds", groups);
  if (!minutes.empty())
    return device_.minutes(std::strtod(minutes.c_str(), nullptr));
  return device_.minutes(std::strtod(seconds.c_str(), nullptr) / 60);
}

bool Shell::commit(const Action &action, const Fields &groups) {
  if (target_ == Target::Running)
    return origin_ == Origin::Console || object("no_candidate", {}, {}, groups);
  if (!device_.lock.empty() && device_.lock_owner != this)
    return object("locked", {}, {}, groups);
  Configuration &candidate = target();
  if (const std::string wrong = objection(device_.description(), candidate); !wrong.empty())
    return object(wrong, {}, {}, groups);
  if (!text(action, "check", groups).empty())
    return true;
  const bool confirms = device_.timer_runs(), changes = !(candidate == device_.running);
  if (target_ == Target::Own && changes && own_version_ != device_.version)
    return object("moved", {}, {}, groups);
  if (!changes && !confirms)
    return object("nothing", {}, {}, groups);
  device_.stop_timer();
  const milliseconds revert_in = length(action, groups);
  if (revert_in.count() > 0)
    device_.start_timer(revert_in, device_.running);
  if (changes)
    device_.commit(candidate);
  if (target_ == Target::Named) {
    if (revert_in.count() == 0)
      device_.named.erase(candidate_);
    target_ = Target::Running;
  }
  device_.shared.reset();
  own_version_ = device_.version;
  return true;
}

bool Shell::manage(const Action &action, const Fields &groups) {
  switch (action.verb) {
  case Verb::Confirm:
    if (!device_.timer_runs())
      return object("no_timer", {}, {}, groups);
    device_.stop_timer();
    if (const std::string name = text(action, "", groups); name != "yes")
      device_.named.erase(name);
    return true;
  case Verb::Revert:
    if (!device_.timer_runs())
      return object("no_timer", {}, {}, groups);
    device_.revert();
    return true;
  case Verb::Timer: device_.start_timer(length(action, groups), device_.running); return true;
  case Verb::Rollback: {
    const std::size_t back = std::stoul("0" + text(action, "", groups));
    if (back > device_.history.size())
      return object("no_rollback", {}, {}, groups);
    target() = back == 0 ? device_.running : device_.history[back - 1];
    return true;
  }
  case Verb::Discard:
    if (target_ == Target::Shared && text(action, "", groups) == "all")
      device_.shared.reset();
    if (target_ == Target::Named)
      device_.named.erase(candidate_);
    discard();
    return true;
  case Verb::Save: device_.save(); return true;
  case Verb::Reload: device_.reload(); return false;
  default: return true;
  }
}

} // namespace banpush::lab
