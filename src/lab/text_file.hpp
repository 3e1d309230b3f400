// Files of a lab, whole.
#pragma once

#include <string>

namespace banpush::lab {

// A file's text. Throws Error (Config).
std::string text_of_file(const std::string &path);
// Writes it for the own user alone. Throws Error (Config).
void write_file(const std::string &path, const std::string &text);

} // namespace banpush::lab
