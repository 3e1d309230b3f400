#include "files/open_file.hpp"

#include <unistd.h>

namespace banpush {

void OpenFile::reset() noexcept {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

} // namespace banpush
