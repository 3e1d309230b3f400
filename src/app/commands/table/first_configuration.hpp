// The configuration that `banpush init` writes where there is none: the ban table in a file, this host's own firewall as the
// only device, and what most sites change next as comments.
#pragma once

#include <string>

namespace banpush {

enum class FirstConfiguration { Written, ThereAlready };

// Writes it to `path`, readable by the group of its folder, which is made where it is missing. A file that is there is left as it
// is, whatever it holds. Throws Error (Usage) where it cannot be told whether there is one, or it cannot be written.
FirstConfiguration write_first_configuration(const std::string &path);

} // namespace banpush
