#include "app/http/feeds.hpp"

#include "app/site/list_files.hpp"
#include "core/digest.hpp"
#include "core/reading/used_lists.hpp"
#include "files/open.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

namespace banpush {

namespace {

[[noreturn]] void withhold(const FeedPart &part, const std::string &why) {
  throw Error(ErrorKind::Device, fmt::format("{}: {}", part.name, why));
}

bool is_used(const Device &device, const Driver &driver, const std::string &list) {
  const auto &used = device.policy.families;
  return lists_without(driver, {used.begin(), used.end()}).count(list) == 0;
}

} // namespace

std::vector<FeedPart> feed_parts(const Config &config, const Device &device) {
  const std::vector<ListOfFile> lists = list_files(device, config.driver(device));
  std::vector<FeedPart> all;
  for (const auto &[list, file] : lists)
    for (std::size_t number = 1; number <= file.parts; ++number) {
      FeedPart part{device.name, list, number, file.parts, file.part(number), is_used(device, config.driver(device), list), device.name};
      if (lists.size() > 1)
        part.name += "/" + part.list;
      if (file.parts > 1)
        part.name += fmt::format("/{}", number);
      all.push_back(std::move(part));
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

std::vector<FeedPart> feed_parts(const Config &config, State &state) {
  std::vector<FeedPart> all = feed_parts(config);
  std::erase_if(all, [&](const FeedPart &one) { return !one.is_used && !read_back(state, one); });
  return all;
}

bool is_called(const FeedPart &part, std::string_view name) { return part.name == name || (part.parts == 1 && part.name + "/1" == name); }

std::optional<State::PartRead> read_back(State &state, const FeedPart &part) {
  for (State::PartRead &one : state.parts_read(part.device))
    if (one.path == part.path)
      return std::move(one);
  return std::nullopt;
}

FeedText feed_text(State &state, const FeedPart &part) {
  const auto read = read_back(state, part);
  if (!read && !part.is_used)
    withhold(part, fmt::format("`families` of {} leaves it out", part.device));
  const auto file = open_to_read(part.path);
  if (!file)
    withhold(part, fmt::format("{}: {}; `banpush setup {} --apply` makes it", part.path, file.error().text, part.device));
  struct stat about {};
  auto text = read_open(file->get(), most_bytes_of_part);
  if (!text || ::fstat(file->get(), &about) != 0)
    withhold(part, fmt::format("{}: {}", part.path, text ? "no facts of it" : text.error().text));
  if (!state.trouble().empty())
    withhold(part, state.trouble());
  if (!read)
    withhold(part, fmt::format("nothing was read back of it yet; `banpush push {}` fills it", part.device));
  std::string digest = sha256(*text);
  if (digest != read->sha256)
    withhold(part, fmt::format("{} is not what a push has read back of it ({} entries): it was changed by somebody else, or is just being "
                               "written; the next push writes it anew",
                               part.path, read->entries));
  FeedText made;
  made.entries = read->entries;
  made.sha256 = std::move(digest);
  made.text = std::make_shared<const std::string>(std::move(*text));
  made.changed = about.st_mtime;
  return made;
}

} // namespace banpush
