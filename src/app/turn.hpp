// One pass at a time: whoever holds the turn works for all who ask meanwhile.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace banpush {

// An advisory lock beside the state file, given up when the object or the process ends.
class Turn {
public:
  // Who may have it: whoever keeps the folder, or its group, too. Where the group's cannot be had, work goes on without it:
  // what is delivered twice arrives once.
  enum class For { Owner, Group };

  // Nothing when somebody else has it. Throws Error (Config) where this user may not have it, or the lock's file is none.
  static std::optional<Turn> attempt(const std::string &state_path, For whom = For::Owner);

  // Nothing when it does not come in time. Throws as attempt().
  static std::optional<Turn> within(const std::string &state_path, std::chrono::milliseconds patience);
  // The turn of the process that started this one and left it here, on this descriptor.
  static Turn inherited(int descriptor) noexcept { return Turn(descriptor); }
  // For a process to be started; below zero where there is no lock.
  int descriptor() const noexcept { return descriptor_; }

  Turn(Turn &&other) noexcept;
  Turn &operator=(Turn &&other) noexcept;
  ~Turn();

private:
  explicit Turn(int descriptor) noexcept : descriptor_(descriptor) {}
  int descriptor_ = -1; // below zero: the lock's folder is missing, full or read-only, so everyone has the turn
};

} // namespace banpush
