#include "transport/ssh/known_hosts.hpp"

#include "core/error.hpp"
#include "files/open.hpp"
#include "transport/ssh/ssh_key.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <libssh/libssh.h>
#include <optional>
#include <sstream>

namespace banpush {

namespace {

struct FreeEntry {
  void operator()(ssh_knownhosts_entry *entry) const noexcept { ssh_knownhosts_entry_free(entry); }
};

constexpr std::size_t most_bytes = 64UL << 20U;

// Empty where there is no file.
std::string content_of(const std::string &file) {
  auto text = read_whole(file, most_bytes);
  if (!text && text.error().code == ENOENT)
    return {};
  if (!text)
    throw Error(ErrorKind::Config, fmt::format("cannot read {}: {}", file, text.error().text));
  return std::move(*text);
}

std::vector<std::string> lines_of(const std::string &file) {
  std::istringstream in(content_of(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    lines.push_back(std::move(line));
  }
  return lines;
}

// A line without its marker (`@revoked`), which libssh does not know.
struct Marked {
  std::string marker, line;
};

Marked without_marker(const std::string &line) {
  const std::size_t from = line.find_first_not_of(" \t");
  if (from == std::string::npos)
    return {};
  if (line[from] != '@')
    return {{}, line.substr(from)};
  const std::size_t end = line.find_first_of(" \t", from);
  const std::size_t rest = line.find_first_not_of(" \t", end);
  if (rest == std::string::npos)
    return {};
  return {line.substr(from, end - from), line.substr(rest)};
}

// The key on a line, when the line is about this host; nothing else. A line libssh cannot make out (a
// key type of the future) is about nobody.
std::optional<PublicKey> key_on(const std::string &line, const std::string &host) {
  if (line.empty() || line.front() == '#')
    return std::nullopt;
  ssh_knownhosts_entry *parsed = nullptr;
  const int rc = ssh_known_hosts_parse_line(host.c_str(), line.c_str(), &parsed);
  const std::unique_ptr<ssh_knownhosts_entry, FreeEntry> entry(parsed);
  if (rc != SSH_OK || !entry || entry->publickey == nullptr)
    return std::nullopt;
  return public_key(entry->publickey);
}

// The line without this host among its names: empty when no name is left. Nothing when the host is still
// covered by what is left, which only a wildcard can do.
std::optional<std::string> without_host(const std::string &line, const std::string &host) {
  const std::size_t end = line.find_first_of(" \t");
  std::string names;
  for (std::size_t at = 0; at < end;) {
    const std::size_t comma = std::min(line.find(',', at), end);
    const std::string name = line.substr(at, comma - at);
    if (name != host && name.front() != '|')
      names += (names.empty() ? "" : ",") + name;
    at = comma + 1;
  }
  if (names.empty())
    return std::string();
  const std::string rest = names + line.substr(end);
  if (key_on(rest, host))
    return std::nullopt;
  return rest;
}

std::string text_with(const std::vector<std::string> &lines, const std::string &file, const std::string &host, const PublicKey &key) {
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Marked marked = without_marker(lines[i]);
    if (!marked.marker.empty() || !key_on(marked.line, host)) {
      text += lines[i] + "\n";
      continue;
    }
    const auto rest = without_host(marked.line, host);
    if (!rest)
      throw Error(ErrorKind::Config, fmt::format("{}:{}: its names cover {} by a wildcard: change this line by hand", file, i + 1, host));
    if (!rest->empty())
      text += *rest + "\n";
  }
  return text + fmt::format("{} {} {}\n", host, key.type, key.base64);
}

[[noreturn]] void cannot_write(const std::string &file, const FileProblem &why) {
  throw Error(ErrorKind::Config, fmt::format("cannot write {}: {}", file, why.text));
}

} // namespace

std::string host_in_file(const std::string &address, unsigned port) { return port == 22 ? address : fmt::format("[{}]:{}", address, port); }

KnownKeys known_keys(const std::string &file, const std::string &host) {
  KnownKeys known;
  for (const std::string &line : lines_of(file)) {
    const Marked marked = without_marker(line);
    if (!marked.marker.empty() && marked.marker != "@revoked")
      continue;
    if (auto key = key_on(marked.line, host))
      (marked.marker.empty() ? known.trusted : known.revoked).push_back(std::move(*key));
  }
  return known;
}

void store_known_key(const std::string &file, const std::string &host, const PublicKey &key) {
  // Two that store at once would lose one of the keys; the folder is locked because the file is replaced.
  const auto lock = lock_folder_of(file);
  if (!lock)
    cannot_write(file, lock.error());
  // Host keys are no secret: root stores them, and the service's user must be able to read them.
  if (const auto replaced = replace_file(file, text_with(lines_of(file), file, host, key), Shared::AllRead); !replaced)
    cannot_write(file, replaced.error());
}

} // namespace banpush
