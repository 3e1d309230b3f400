// Moments as HTTP writes them (RFC 9110, 5.6.7).
#pragma once

#include <ctime>
#include <optional>
#include <string>

namespace banpush {

// `Sun, 06 Nov 1994 08:49:37 GMT`, whatever the locale.
std::string http_date(std::time_t moment);
// The moment in such a text; nothing for any other form.
std::optional<std::time_t> moment_of_http_date(const std::string &text);

} // namespace banpush
