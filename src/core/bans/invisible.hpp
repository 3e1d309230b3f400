// Characters that nobody sees, by their Unicode properties.
#pragma once

namespace banpush {

// Controls, formats, separators but U+0020, code points that are unassigned, private or no characters, what is
// Default_Ignorable_Code_Point, and two symbols without ink: by the table that invisible_ranges.pl makes.
bool is_invisible(char32_t character) noexcept;

} // namespace banpush
