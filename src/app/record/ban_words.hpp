// What jails say of protocols, ports and times, made into what the ban table's columns hold. Nothing is refused that
// fail2ban might pass, since the ban would be lost: what is not understood is recorded as what blocks more, with a note.
#pragma once

#include "bans/ban_table.hpp"

#include <string>
#include <vector>

namespace banpush {

struct Told {
  std::string column;             // what the ban table holds
  std::string exact;              // the whole list, where that is more than the column says
  std::vector<std::string> notes; // for people: what the column says otherwise than it was told, and why
};

// `tcp`, `tcp,udp`, `all`, `17` → names by commas, `all` for all of them and for what names no protocol.
Told told_protocol(const std::string &text);

// `22`, `ssh`, `http, https`, `8000:8100`, `0:65535`, `anyport` → numbers and ranges by commas, names resolved
// (services(5)) for the protocols of the column; empty, which is the whole address, for all ports, for a list longer
// than the column, and for a list with anything in it that is no port.
Told told_ports(const std::string &text, const std::string &protocol);

// `15m`, `1d`, `permanent`, or as fail2ban passes it: seconds, also with a fraction, `-1` for never ending; nothing for
// an empty text and for a tag that fail2ban has not filled in. Throws Error (Usage) naming what is wrong.
std::optional<Seconds> bantime_of(const std::string &text);

// How long ago a ban began, from fail2ban's `<time>`: seconds since the epoch by this host's clock, also with a fraction.
// Nothing for an empty text and for a tag that fail2ban has not filled in. Throws Error (Usage) for what is no time.
std::optional<Seconds> begun_of(const std::string &time);

} // namespace banpush
