// What a caller at the doorbell may ask, and the answers.
#pragma once

#include "app/serve/daemon.hpp"

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include <sys/types.h>

namespace banpush {

// The answer to one request of this user; nothing where none is due. Never throws: what went wrong is in the answer.
//   {"do": "look"}                                          look at the tables now; no answer
//   {"do": "wait", "prefix"}                                until all devices have what the tables say by now
//   {"do": "push", "devices", "force", "hashes", "actor", "json", "colour"}   as `banpush push`; root and the service's own user
//   {"do": "release", "devices"}                            end their sessions; root and the service's own user
//   {"do": "status"}
std::optional<nlohmann::json> answer(Daemon &service, const nlohmann::json &request, uid_t user);

} // namespace banpush
