// The file of host keys we trust, in OpenSSH's format (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): read by
// OpenSSH too, hashed names and wildcards included. Certificate authorities in it are not used.
#pragma once

#include <string>
#include <vector>

namespace banpush {

// A public host key.
struct PublicKey {
  std::string type;        // ssh-ed25519
  std::string base64;      // as it stands in known_hosts
  std::string fingerprint; // SHA256:…

  friend bool operator==(const PublicKey &a, const PublicKey &b) noexcept { return a.base64 == b.base64; }
};

// How a host stands in the file: `198.51.100.1`, or `[198.51.100.1]:2222` where the port is not 22.
std::string host_in_file(const std::string &address, unsigned port);

struct KnownKeys {
  std::vector<PublicKey> trusted; // in the file's order
  std::vector<PublicKey> revoked; // marked @revoked
};

// What the file says of a host; nothing where the file does not exist. Throws Error (Config) when it
// cannot be read.
KnownKeys known_keys(const std::string &file, const std::string &host);

// Puts the host's key in the place of all others it has in the file, at once or not at all; others may read it.
// Throws Error (Config) when the file cannot be written, or a line with a wildcard covers the host too.
void store_known_key(const std::string &file, const std::string &host, const PublicKey &key);

} // namespace banpush
