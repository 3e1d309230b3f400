#include "transport/transport.hpp"

#include "transport/exec.hpp"
#include "transport/local.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush {

TransportKind transport_kind(const Device &device, const Driver &driver) {
  if (device.is_local())
    return TransportKind::Exec;
  return device.transport.value_or(driver.transports.empty() ? TransportKind::Cli : driver.transports.front());
}

std::unique_ptr<Transport> make_transport(const Device &device, const Driver &driver, Credentials credentials, Trace trace) {
  const TransportKind kind = transport_kind(device, driver);
  if (std::find(driver.transports.begin(), driver.transports.end(), kind) == driver.transports.end())
    throw Error(ErrorKind::Config, fmt::format("{}: driver {} cannot be used over {}{}", device.name, driver.name, word(kind),
                                               device.is_local() ? ", and `address: local` knows no other" : ""));
  auto dialogue = std::make_shared<Dialogue>(std::move(trace), credentials);
  if (device.is_local())
    return std::make_unique<ExecTransport>(device, driver, std::move(dialogue), std::make_unique<LocalRunner>());
  throw Error(ErrorKind::Config, fmt::format("{}: this build has no transport {}", device.name, word(kind)));
}

} // namespace banpush
