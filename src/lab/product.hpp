// Programs that the lab runs: banpush itself, and diff.
#pragma once

#include <string>
#include <vector>

namespace banpush::lab {

struct Ran {
  int status = -1; // of its exit; 128 and more: ended by a signal
  std::string out, err;
  double seconds = 0;
};

// Runs argv to its end without a shell; what it says goes through files `folder`/said.out and said.err, which
// do not stay, and it ends when this process does. Throws Error (Config)
// where it cannot be started.
Ran run_program(const std::vector<std::string> &argv, const std::string &folder);

} // namespace banpush::lab
