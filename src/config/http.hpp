// `serve.http`: what the service offers over HTTP, where, and to whom.
#pragma once

#include "config/document/document.hpp"
#include "settings/config.hpp"

#include <string>

namespace banpush {

// `folder` is where relative paths start. An address that others reach without TLS or a proxy, and one that asks nobody for a
// token, are problems.
HttpSettings http_of(const Node &node, Problems &problems, const std::string &folder);

} // namespace banpush
