// Where secrets are to be had: checked when the configuration loads, read only when needed.
#pragma once

#include "config/document/document.hpp"
#include "settings/config.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace banpush {

// `{file: PATH}`, `{env: NAME}` or `{command: [PROGRAM, ARGUMENT…]}`. A file that is missing or may be
// read by others, an unset variable, and a secret written out are problems at their place. `folder` is
// where relative paths start.
Secret secret_of(const Node &node, Problems &problems, const std::string &folder);

// What is wrong with a file that only its owner and the service's group may read (a secret, a private key), with the
// remedy; nothing when all is well. The service's group is `banpush`, or the one that root gave the configuration to.
std::optional<std::string> unfit_as_secret(const std::string &path, const std::string &config);

// Runs argv without a shell and gives its standard output; throws Error when it fails.
using RunCommand = std::function<std::string(const std::vector<std::string> &argv)>;

// The secret itself: the first line, without its end. Empty for Secret::From::Nowhere. Throws Error
// (Config) when it cannot be had, is empty, or has more lines than one.
std::string read_secret(const Secret &secret, const RunCommand &run);

// A path of the configuration: relative ones start in `folder`.
std::string resolved_path(const std::string &path, const std::string &folder);

} // namespace banpush
