// One pass at a time: whoever holds the turn works for all who ask meanwhile.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace banpush {

// An advisory lock beside the state file, given up when the object or the process ends.
class Turn {
public:
  // Waits for the turn.
  static Turn wait(const std::string &state_path);
  // Nothing when somebody else has it.
  static std::optional<Turn> attempt(const std::string &state_path);

  // Nothing when it does not come in time.
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
  int descriptor_ = -1; // below zero: the lock's folder cannot be written, so everyone has the turn
};

} // namespace banpush
