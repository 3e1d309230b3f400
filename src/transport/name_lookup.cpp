#include "transport/name_lookup.hpp"

#include "core/error.hpp"

#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

#include <fmt/format.h>

namespace banpush {

namespace {

std::atomic<int> under_way = 0;

class Counted {
public:
  explicit Counted(const std::string &host) {
    if (++under_way <= most_lookups)
      return;
    --under_way;
    throw Error(ErrorKind::Connect, fmt::format("{} is not looked up: {} lookups of names are under way", host, most_lookups));
  }
  ~Counted() { --under_way; }
  Counted(const Counted &) = delete;
  Counted &operator=(const Counted &) = delete;
};

} // namespace

ResolvedName resolve_now(const std::string &host, std::optional<std::uint16_t> port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | (port ? AI_NUMERICSERV : 0);
  addrinfo *list = nullptr;
  const std::string service = port ? std::to_string(*port) : std::string{};
  const int error = ::getaddrinfo(host.c_str(), port ? service.c_str() : nullptr, &hints, &list);
  return {Addresses(error == 0 ? list : nullptr), error};
}

struct NameLookup::Shared {
  explicit Shared(const std::string &host) : counted(host) {}

  Counted counted; // until the thread has gone, whoever waits
  std::mutex mutex;
  std::optional<ResolvedName> answer;
  Pipe done = make_pipe(); // its write end is closed when the answer is there
};

NameLookup::NameLookup(const std::string &host, std::optional<std::uint16_t> port) : shared_(std::make_shared<Shared>(host)) {
  const auto look_up = [shared = shared_, host, port] {
    ResolvedName resolved{{}, EAI_MEMORY};
    try {
      resolved = resolve_now(host, port, 0);
    } catch (const std::exception &) {
    }
    const std::lock_guard lock(shared->mutex);
    shared->answer = std::move(resolved);
    shared->done.write.reset();
  };
  try {
    std::thread(look_up).detach();
  } catch (const std::system_error &error) {
    throw Error(ErrorKind::Connect, fmt::format("no thread to look up {}: {}", host, error.what()));
  }
}

int NameLookup::fd() const noexcept { return shared_->done.read.get(); }

std::optional<ResolvedName> NameLookup::take() {
  const std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->answer, std::nullopt);
}

} // namespace banpush
