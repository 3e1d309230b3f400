#include "app/http/feeds.hpp"

#include "core/digest.hpp"
#include "core/driver/text_template.hpp"
#include "core/driver/values.hpp"
#include "files/open.hpp"
#include "transport/transport.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <sys/stat.h>

namespace banpush {

namespace {

// The list's files, by the driver's own words for reading it.
std::optional<ListFile> file_of(const Read &read, const Values &values) {
  std::vector<std::string> argv;
  for (const std::string &word : read.run)
    argv.push_back(expand(word, values));
  const auto call = list_call(argv);
  return call ? std::optional(call->list) : std::nullopt;
}

[[noreturn]] void withhold(const FeedPart &part, const std::string &why) {
  throw Error(ErrorKind::Device, fmt::format("{}: {}", part.name, why));
}

} // namespace

std::vector<FeedPart> feed_parts(const Config &config, const Device &device) {
  const Driver &driver = config.driver(device);
  if (transport_kind(device, driver) != TransportKind::File)
    return {};
  const Values values = values_of(driver, device.params);
  std::vector<FeedPart> all;
  for (const Read &read : driver.reads) {
    const auto file = file_of(read, values);
    for (std::size_t number = 1; file && number <= file->parts; ++number) {
      FeedPart part{device.name, read.lists.front(), number, file->parts, file->part(number), file->head, device.name};
      if (driver.reads.size() > 1)
        part.name += "/" + part.list;
      if (file->parts > 1)
        part.name += fmt::format("/{}", number);
      all.push_back(std::move(part));
    }
  }
  return all;
}

std::vector<FeedPart> feed_parts(const Config &config) {
  std::vector<FeedPart> all;
  for (const Device &device : config.devices)
    for (FeedPart &part : feed_parts(config, device))
      all.push_back(std::move(part));
  return all;
}

FeedText feed_text(State &state, const FeedPart &part) {
  const auto file = open_to_read(part.path);
  if (!file)
    withhold(part, fmt::format("{}: {}; `banpush setup {} --apply` makes it", part.path, file.error().text, part.device));
  struct stat about {};
  auto text = read_open(file->get(), most_bytes_of_part);
  if (!text || ::fstat(file->get(), &about) != 0)
    withhold(part, fmt::format("{}: {}", part.path, text ? "no facts of it" : text.error().text));
  const auto entries = count_of_part(*text, part.head);
  if (!entries)
    withhold(part, fmt::format("{} was changed by somebody else: its head says another count or checksum; the next push writes it anew",
                               part.path));
  if (state.verified_at(part.device).empty())
    withhold(part, fmt::format("nothing was read back of it yet; `banpush push {}` fills it", part.device));
  if (*entries == 0 && part.part == 1) {
    const auto ledger = state.ledger(part.device);
    if (std::any_of(ledger.begin(), ledger.end(), [&](const LedgerEntry &one) { return one.list == part.list; }))
      withhold(part, fmt::format("{} is empty, and no push emptied it; the next one fills it again", part.path));
  }
  FeedText made;
  made.entries = *entries;
  made.sha256 = sha256(*text);
  made.text = std::make_shared<const std::string>(std::move(*text));
  made.changed = about.st_mtime;
  return made;
}

} // namespace banpush
