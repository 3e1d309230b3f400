// The control socket of a lab that is up.
#pragma once

#include <string>

namespace banpush::lab {

// The answer to one line, said to the lab whose files are in `folder`. Throws Error (Usage, Connect).
std::string converse(const std::string &folder, const std::string &line);

} // namespace banpush::lab
