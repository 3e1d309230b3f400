// Allow and protect lists: prefixes in the configuration, in files beside it, and names of hosts.
// Strict and closed: whatever does not parse is a problem, nothing is skipped.
#pragma once

#include "config/document/document.hpp"
#include "core/policy/policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace banpush {

// A prefix written in YAML, host bits refused; the problem points at the character that is wrong.
std::optional<Prefix> prefix_of(const Node &node, Problems &problems);

// `allow`: each with where it stands (`policy.allow`) as its reason.
std::vector<NamedPrefix> allow_of(const Node &node, Problems &problems, const std::string &where);

// `allow_files`: paths and wildcards, sorted, relative ones from `folder`. One prefix a line, `#` begins a
// comment; the reason is `PATH:LINE`. A path without wildcard must be there. Wildcards whose folder is
// missing are noted.
struct AllowFiles {
  std::vector<NamedPrefix> prefixes;
  std::vector<std::string> paths; // the files, and the folder of each wildcard: who may put one there adds to them
};
AllowFiles allow_files_of(const Node &node, Problems &problems, const std::string &folder, std::vector<std::string> &notes);

// `protect`: prefixes, and names of hosts still to be resolved.
struct Protect {
  std::vector<NamedPrefix> prefixes;
  std::vector<NamedHost> hosts;
};
Protect protect_of(const Node &node, Problems &problems, const std::string &where);

// Whether a text may be the name of a host (RFC 1123), and is no address gone wrong.
bool is_host_name(std::string_view text) noexcept;

} // namespace banpush
