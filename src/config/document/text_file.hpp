// A small text file from outside, read whole: UTF-8, no control characters, of bounded size.
#pragma once

#include "core/error.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace banpush {

// The bytes of a regular file. Throws Error (Config) naming the path and the reason when it cannot be
// read, is no regular file, or is larger than `most` bytes.
std::string read_file(const std::string &path, std::size_t most);

// Why a regular file cannot be read, naming it; nothing when it can.
std::optional<std::string> unreadable(const std::string &path);

// Line ends become `\n` and a byte order mark goes. Throws Error (Config) `file:line:column: …` at the
// first byte that is no UTF-8, and at the first control, direction-changing or invisible character.
std::string screened(const std::string &file, std::string text);

// read_file and screened in one.
std::string read_text_file(const std::string &path, std::size_t most);

// The 1-based column in characters of the byte at `byte` (0-based) in a line of UTF-8.
std::size_t column_of(std::string_view line, std::size_t byte) noexcept;

} // namespace banpush
