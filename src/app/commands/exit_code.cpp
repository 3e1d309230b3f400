#include "app/commands/commands.hpp"

namespace banpush {

int exit_code_of(ErrorKind kind) noexcept {
  switch (kind) {
  case ErrorKind::Usage:
  case ErrorKind::Config: return 2;
  case ErrorKind::Table: return 3;
  case ErrorKind::Connect:
  case ErrorKind::Auth:
  case ErrorKind::Device: return 1;
  case ErrorKind::Guard: return 5;
  }
  return 1;
}

} // namespace banpush
