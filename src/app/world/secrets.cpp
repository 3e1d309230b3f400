#include "app/world/secrets.hpp"

#include "config/secret.hpp"
#include "transport/exec/local.hpp"

#include <chrono>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::chrono::seconds patience{30}; // a password store may ask its agent

std::string output_of(const std::vector<std::string> &argv) {
  const Finished finished = LocalRunner().run({argv, {}, patience});
  if (finished.exit != 0)
    throw Error(ErrorKind::Config, fmt::format("the command of a secret, {}, ended with status {}: {}", argv.front(), finished.exit,
                                               shown(finished.errors, 120)));
  return finished.output;
}

} // namespace

std::string secret(const Secret &secret) { return read_secret(secret, output_of); }

} // namespace banpush
