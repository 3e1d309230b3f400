// The operator's configuration with one device's emulated twin in its place: what banpush is started with in a rehearsal.
#pragma once

#include "config/document/document.hpp"
#include "lab/table_copy.hpp"
#include "settings/config.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banpush::lab {

// Where a twin answers, and how one logs in there.
struct TwinPlace {
  std::uint16_t port = 0;
  std::string username, password_file, enable_file, known_hosts;
};

// The text of the configuration for this device alone. `top` is the operator's document; everything in it that says where the real
// device, the table, the state, the service or somebody to be told is, is replaced or left out.
std::string twin_configuration(Node top, const Config &config, const Device &device, const TwinPlace &twin,
                               const std::vector<TableCopied> &tables, const std::string &folder);

} // namespace banpush::lab
