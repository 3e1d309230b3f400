// What the column `protocol` of a row says: one protocol, several, or all, as one number of eight bits.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

// IANA's number of the one protocol that is named; 0 for all (`all`, `any`, `ip`, nothing); a number of our own, which
// IANA gives to nobody, for several (`tcp,udp`); 255 for a word that names none. Capitals and blanks do not count.
std::uint8_t protocol_code(std::string_view column) noexcept;

// The words that it was made of, for people: `tcp`, `tcp,udp`, `all`.
std::string protocol_text(std::uint8_t code);

// Which rows a policy that names these protocols takes, by the code of the row: those that name one of them, and those
// that are for all protocols, of which these are a part. Without any, or with `all`: every row.
std::array<bool, 256> rows_taken(const std::vector<std::string> &protocols);

// One word as the table has it (`TCP` → `tcp`, `17` → `udp`, `icmp6` → `icmpv6`, `ip` → `all`); empty for what names
// no protocol.
std::string protocol_word(std::string_view word);

} // namespace banpush
