// Values that go into SQL statements: always bound, never pasted into the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace banpush {

using SqlValue = std::variant<std::nullptr_t, std::int64_t, std::string>;
using SqlValues = std::vector<SqlValue>;

} // namespace banpush
