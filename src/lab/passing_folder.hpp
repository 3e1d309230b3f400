// A folder that goes with the process that uses it, however that ends: ban tables and configurations are in it.
#pragma once

#include <string>

#include <sys/types.h>

namespace banpush::lab {

class PassingFolder {
public:
  // The folder is there. Removes it and throws Error (Config) where nobody can watch over it.
  explicit PassingFolder(const std::string &folder);
  PassingFolder(const PassingFolder &) = delete;
  PassingFolder &operator=(const PassingFolder &) = delete;
  ~PassingFolder(); // it is gone

private:
  pid_t watcher_ = -1;
  int end_ = -1;
};

} // namespace banpush::lab
