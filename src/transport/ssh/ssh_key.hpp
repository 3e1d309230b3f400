// Between libssh's keys and ours. Included only where libssh is.
#pragma once

#include "transport/ssh/known_hosts.hpp"

#include <memory>

struct ssh_key_struct;

namespace banpush {

struct FreeKey {
  void operator()(ssh_key_struct *key) const noexcept;
};
using SshKey = std::unique_ptr<ssh_key_struct, FreeKey>;

// The public part with its fingerprint; throws Error (Connect) when libssh cannot write it down.
PublicKey public_key(ssh_key_struct *key);

} // namespace banpush
