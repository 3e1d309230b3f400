// The service's Unix socket: one line of JSON each way. Who may do what is decided by the kernel's word on who is at
// the other end (SO_PEERCRED, unix(7)), on both sides.
#pragma once

#include "settings/config.hpp"
#include "transport/descriptor.hpp"

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include <sys/types.h>

namespace banpush {

// Tells the service something and does not wait. False: there is no service. Throws Error (Usage) where somebody who
// may not be it answers there, or where we may not speak to it.
bool tell_service(const Config &config, const nlohmann::json &request);

// Whether a service listens there. Throws as ask_service().
bool is_served(const Config &config);

// Told once, where no answer has come within a second.
using StillWaiting = std::function<void()>;

// The service's answer; nothing where there is no service. Throws Error (Connect) where none comes in time.
std::optional<nlohmann::json> ask_service(const Config &config, const nlohmann::json &request, std::chrono::seconds patience,
                                          const StillWaiting &still_waiting = {});

// The listening end.
class Doorbell {
public:
  // Makes the socket with mode 0660, and its folder. Throws Error (Usage) where it cannot, or another service listens.
  explicit Doorbell(const std::string &path);
  Doorbell(const Doorbell &) = delete;
  Doorbell &operator=(const Doorbell &) = delete;
  ~Doorbell();

  int descriptor() const noexcept { return socket_.get(); }
  // The next caller; empty where none waits.
  Descriptor accept() const;

private:
  std::string path_;
  Descriptor socket_;
};

// The user at the other end; nothing where the kernel does not say.
std::optional<uid_t> user_of(int socket);

// One line from a caller, whole or not at all: nothing when it does not come in time or is too long.
std::optional<nlohmann::json> read_request(int socket, std::chrono::milliseconds patience);
// False: the caller has gone.
bool send_answer(int socket, const nlohmann::json &answer);

} // namespace banpush
