// A host name being looked up, with an end: getaddrinfo(3) takes no time limit and cannot be stopped.
#pragma once

#include "transport/descriptor.hpp"

#include <cstdint>
#include <memory>
#include <netdb.h>
#include <optional>
#include <string>

namespace banpush {

struct FreeAddresses {
  void operator()(addrinfo *list) const noexcept { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// What getaddrinfo(3) returned: stream addresses, or none and its error (EAI_*).
struct ResolvedName {
  Addresses addresses;
  int error = 0;
};

// Asks at once and without a thread; for AI_NUMERICHOST, which asks no server.
ResolvedName resolve_now(const std::string &host, std::optional<std::uint16_t> port, int flags);

// Each lookup has a thread of its own, which is left behind when nobody waits for it any more. glibc's getaddrinfo_a has
// threads that ThreadSanitizer does not know, and a list of waiters that it reads after they have gone (2.36).
class NameLookup {
public:
  // Throws Error (Connect) when the process has no thread or descriptor for it, or `most_lookups` are under way.
  explicit NameLookup(const std::string &host, std::optional<std::uint16_t> port = {});

  int fd() const noexcept; // for poll: ready once the answer is there
  // Once; nothing before the answer is there.
  std::optional<ResolvedName> take();

private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// Of the whole process, those left behind by silent servers among them.
inline constexpr int most_lookups = 64;

} // namespace banpush
