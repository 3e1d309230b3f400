// `serve.alerts` of the configuration.
#pragma once

#include "config/document/document.hpp"
#include "settings/config.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace banpush {

AlertSettings alerts_of(const Node &node, Problems &problems, const std::string &folder);

// The parts of a URL of a web server (RFC 3986): `https://HOST[:PORT][/PATH]`, an IPv6 address in brackets. Nothing where it is none,
// or where it has a user or a password in it.
struct WebAddress {
  std::string scheme, host; // an IPv6 address without brackets
  std::uint16_t port = 0;
  std::string path; // with its query
  bool is_loopback() const;
};
std::optional<WebAddress> web_address_of(const std::string &url);

// Why a message is not to be sent there; empty: it may be.
std::string unfit_for_alerts(const std::string &url);

} // namespace banpush
