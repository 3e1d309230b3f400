// What stands in a device's NETCONF messages (RFC 6241): its hello, and its answers with every error told
// whole. Names count without their prefix, as devices use any.
#pragma once

#include "core/driver/driver.hpp"

#include <optional>
#include <string>
#include <vector>

namespace banpush {

struct NetconfHello {
  std::string session_id;
  std::vector<std::string> capabilities; // as the device writes them, blanks around them gone

  // `:candidate`, `:confirmed-commit:1.1` for those of RFC 6241, or a whole URI; parameters behind `?` do not count.
  bool has(std::string_view capability) const;
  // One a line, for facts.
  std::string text() const;
};

// One rpc-error, with all the device says.
struct NetconfError {
  std::string type, tag, severity, app_tag, path, message;
  std::string info;    // error-info as one line of XML
  std::string session; // of the holder, where a lock was denied

  bool is_warning() const noexcept { return severity == "warning"; }
  // Worth another try: somebody else holds what is needed.
  bool is_busy() const noexcept;
  // For people, in one line.
  std::string text() const;
};

struct NetconfReply {
  std::optional<std::string> message_id;
  bool ok = false;                  // an <ok/>
  std::vector<NetconfError> errors; // warnings too
  std::optional<std::string> data;  // the data element as XML, one element a line
  std::string rest;                 // anything else it holds, in one line
};

// Each throws Error (Device) with the message's beginning where it is no XML, has a document type, or is
// not what was waited for.
NetconfHello read_hello(std::string_view message);
NetconfReply read_reply(std::string_view message);
// The local name of a message's root element: hello, rpc-reply, notification.
std::string root_of(std::string_view message);

} // namespace banpush
