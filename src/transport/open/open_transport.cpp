#include "transport/transport.hpp"

#include "transport/cli/cli.hpp"
#include "transport/exec/exec.hpp"
#include "transport/exec/local.hpp"
#include "transport/file/file_runner.hpp"
#include "transport/netconf/netconf.hpp"
#include "transport/nft/nft_runner.hpp"
#include "transport/ssh/ssh_runner.hpp"
#include "transport/ssh/ssh_tunnel.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush {

namespace {

// The port a transport has by itself (RFC 4253, RFC 6242).
std::uint16_t standard_port(TransportKind kind) noexcept { return kind == TransportKind::Netconf ? 830 : 22; }

} // namespace

TransportKind transport_kind(const Device &device, const Driver &driver) {
  if (device.is_local() && driver.transports == std::vector{TransportKind::File})
    return TransportKind::File;
  if (device.is_local()) {
    const bool in_process =
        device.transport != TransportKind::Exec && device.run_with.empty() &&
        std::find(driver.transports.begin(), driver.transports.end(), TransportKind::Nftables) != driver.transports.end();
    return in_process ? TransportKind::Nftables : TransportKind::Exec;
  }
  return device.transport.value_or(driver.transports.empty() ? TransportKind::Cli : driver.transports.front());
}

TransportKind rendered_for(TransportKind kind) noexcept {
  return kind == TransportKind::Nftables || kind == TransportKind::File ? TransportKind::Exec : kind;
}

std::unique_ptr<Transport> make_transport(const Device &device, const Driver &driver, Credentials credentials, Trace trace) {
  const TransportKind kind = transport_kind(device, driver);
  if (std::find(driver.transports.begin(), driver.transports.end(), kind) == driver.transports.end())
    throw Error(ErrorKind::Config, fmt::format("{}: driver {} cannot be used over {}{}", device.name, driver.name, word(kind),
                                               device.is_local() ? ", and `address: local` knows no other" : ""));
  auto dialogue = std::make_shared<Dialogue>(std::move(trace), credentials);
  if (kind == TransportKind::Nftables)
    return std::make_unique<ExecTransport>(device, driver, std::move(dialogue), std::make_unique<NftRunner>(device.name));
  if (kind == TransportKind::File)
    return std::make_unique<ExecTransport>(device, driver, std::move(dialogue), std::make_unique<FileRunner>(device.name));
  if (device.is_local())
    return std::make_unique<ExecTransport>(device, driver, std::move(dialogue), std::make_unique<LocalRunner>(device.name));
  if (kind == TransportKind::Exec) {
    auto runner = std::make_unique<SshRunner>(ssh_target(device, driver, standard_port(kind)), std::move(credentials), dialogue);
    return std::make_unique<ExecTransport>(device, driver, std::move(dialogue), std::move(runner));
  }
  if (kind == TransportKind::Netconf)
    return std::make_unique<NetconfTransport>(device, driver, std::move(credentials), std::move(dialogue));
  return std::make_unique<CliTransport>(device, driver, std::move(credentials), std::move(dialogue));
}

namespace {

HostKey key_shown_by(const SshTarget &target) {
  const Cancellation never;
  SshSession session(target, std::make_shared<Dialogue>(Trace{}, Credentials{}), never);
  session.connect({});
  const PublicKey key = session.host_key();
  const std::string host = host_in_file(target.addresses.front(), target.port);
  const KnownKeys known = known_keys(target.login.known_hosts, host);
  HostKey out{host, key.type, key.fingerprint, {}, fmt::format("{} {} {}", host, key.type, key.base64)};
  if (!known.trusted.empty()) {
    const auto same = std::find(known.trusted.begin(), known.trusted.end(), key);
    out.stored = same != known.trusted.end() ? same->fingerprint : known.trusted.front().fingerprint;
  }
  return out;
}

} // namespace

HostKey host_key(const Device &device, const Driver &driver, const std::string &address) {
  SshTarget target = ssh_target(device, driver, standard_port(transport_kind(device, driver)));
  target.addresses = {address};
  return key_shown_by(target);
}

HostKey jump_host_key(const Device &device) { return key_shown_by(jump_target(ssh_target(device, {}, 22))); }

void store_host_key(const Device &device, const HostKey &key) {
  const std::size_t host_end = key.line.find(' '), type_end = key.line.find(' ', host_end + 1);
  if (type_end == std::string::npos)
    throw Error(ErrorKind::Config, fmt::format("{}: \"{}\" is no line of known_hosts", device.name, key.line));
  store_known_key(device.login.known_hosts, key.line.substr(0, host_end), {key.type, key.line.substr(type_end + 1), key.fingerprint});
}

} // namespace banpush
