// One pass at a time: whoever holds the turn works for all who ask meanwhile.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

namespace banpush {

// An advisory lock beside the state file, given up when the object or the process ends. Who has it writes down who that is.
class Turn {
public:
  // Who may have it: whoever keeps the folder, or its group, too. Where the group's cannot be had, work goes on without it:
  // what is delivered twice arrives once.
  enum class For { Owner, Group };

  // Nothing when somebody else has it. `what` is the verb that takes it, for those who wait. Throws Error (Config) where this
  // user may not have it, or the lock's file is none.
  static std::optional<Turn> attempt(const std::string &state_path, const std::string &what = {}, For whom = For::Owner);

  // Nothing when it does not come in time. Throws as attempt().
  static std::optional<Turn> within(const std::string &state_path, const std::string &what, std::chrono::milliseconds patience);

  // For the one service: says whom it waits for, a push for up to a minute, another service or who cannot be told for two
  // seconds. Throws Error (Connect) where it does not come.
  static Turn for_service(const std::string &state_path, const std::function<void(const std::string &)> &say);

  // The turn of the process that started this one and left it here, on this descriptor.
  static Turn inherited(int descriptor, const std::string &what);
  // For a process to be started; below zero where there is no lock.
  int descriptor() const noexcept { return descriptor_; }
  // That process has it now.
  void hand_to(pid_t process) noexcept;

  // Who has the turn, for people: `banpush serve (process 1234, since 2026-11-28 22:01:02)`, as far as that can be told.
  static std::string holder(const std::string &state_path);

  Turn(Turn &&other) noexcept;
  Turn &operator=(Turn &&other) noexcept;
  ~Turn();

private:
  explicit Turn(int descriptor) noexcept : descriptor_(descriptor) {}
  int descriptor_ = -1; // below zero: the lock's folder is missing, full or read-only, so everyone has the turn
};

} // namespace banpush
