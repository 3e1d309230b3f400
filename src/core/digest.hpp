// SHA-256 of a text, in hex (FIPS 180-4).
#pragma once

#include <string>
#include <string_view>

namespace banpush {

std::string sha256(std::string_view text);

} // namespace banpush
