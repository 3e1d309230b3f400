#include "app/site/list_files.hpp"

#include "core/digest.hpp"
#include "core/error.hpp"
#include "files/open.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <unordered_set>

#include <fmt/format.h>

namespace banpush {

namespace {

using PartRead = State::PartRead;

constexpr std::size_t longest_named = 60; // of somebody's line

std::vector<ListOfFile> files_of(const Driver &driver, const Values &values) {
  std::vector<ListOfFile> all;
  for (const Read &read : driver.reads)
    if (auto file = list_file_of(read, values))
      all.push_back({read.lists.front(), std::move(*file)});
  return all;
}

// Without those of families that are not used.
std::vector<ListOfFile> files_of(const Session &session) {
  if (transport_kind(session.device(), session.driver()) != TransportKind::File)
    return {};
  return files_of(session.driver(), session.values());
}

std::vector<PartRead> remembered(Site &site, const std::string &device) {
  const std::lock_guard lock(site.state_lock());
  return site.state().parts_read(device);
}

const PartRead *of_path(const std::vector<PartRead> &parts, const std::string &path) {
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const PartRead &one) { return one.path == path; });
  return found == parts.end() ? nullptr : &*found;
}

std::string text_at(const Device &device, const std::string &path) {
  auto text = read_whole(path, most_bytes_of_part);
  if (!text)
    throw Error(ErrorKind::Device, fmt::format("{}: {}: {}", device.name, path, text.error().text));
  return std::move(*text);
}

bool is_as_remembered(const Device &device, const ListFile &file, const std::vector<PartRead> &known) {
  for (std::size_t number = 1; number <= file.parts; ++number) {
    const PartRead *part = of_path(known, file.part(number));
    if (part == nullptr)
      return false;
    const std::string text = text_at(device, file.part(number));
    const auto count = count_of_part(text, file.head);
    if (!count || (file.most != 0 && *count > file.most) || part->sha256 != sha256(text))
      return false;
  }
  return true;
}

// As the driver's own template writes the list's entries.
std::vector<std::string> lines_of(const Session &session, const ListOfFile &list, const Installed &installed) {
  Change change;
  for (const Entry &entry : installed.entries)
    if (entry.list == list.list)
      change.add.push_back({entry.block, entry.list, entry.number, {}, 0, 0});
  std::vector<std::string> lines;
  for (const Step &step : render(session.rendering(), change).change)
    for (const std::string &line : step.lines)
      lines.push_back(line.substr(1)); // behind its +
  return lines;
}

// A file that no push has read back yet is ours where nothing else is in it than entries of the list.
void require_own(const Device &device, const ListFile &file, const std::vector<PartRead> &known, const std::vector<std::string> &lines) {
  const std::unordered_set<std::string_view> ours(lines.begin(), lines.end());
  for (std::size_t number = 1; number <= file.parts; ++number) {
    const std::string path = file.part(number);
    if (of_path(known, path) != nullptr)
      continue;
    for (const std::string &line : lines_of_part(text_at(device, path)))
      if (ours.count(line) == 0)
        throw Error(ErrorKind::Device, fmt::format("{}: {} has lines that banpush did not write ({}), so nothing was written; give the "
                                                   "device another file, or empty this one",
                                                   device.name, path, shown(line, longest_named)));
  }
}

} // namespace

std::vector<ListOfFile> list_files(const Device &device, const Driver &driver) {
  if (transport_kind(device, driver) != TransportKind::File)
    return {};
  return files_of(driver, values_of(driver, device.params));
}

void require_files_of_their_own(const Config &config) {
  std::map<std::string, std::string> owners; // by path
  for (const Device &device : config.devices)
    for (const ListOfFile &list : list_files(device, config.driver(device)))
      for (std::size_t number = 1; number <= list.file.parts; ++number) {
        const std::string path = std::filesystem::path(list.file.part(number)).lexically_normal().string();
        const std::string owner = fmt::format("{}, list {}", device.name, list.list);
        const auto [before, is_new] = owners.emplace(path, owner);
        if (!is_new)
          throw Error(ErrorKind::Config, fmt::format("{} would be the file of two lists ({}; {}); each takes its own, and further parts "
                                                     "are beside the first: NAME.2.txt",
                                                     path, before->second, owner));
      }
}

void require_own_files(Site &site, const Device &device) {
  const std::vector<PartRead> known = remembered(site, device.name);
  for (const ListOfFile &list : list_files(device, site.config().driver(device)))
    for (std::size_t number = 1; number <= list.file.parts; ++number) {
      const std::string path = list.file.part(number);
      const auto text = read_whole(path, most_bytes_of_part);
      if (!text && text.error().code == ENOENT)
        continue;
      const bool is_ours = text && (text->empty() || of_path(known, path) != nullptr ||
                                    (list.file.head == ListFile::Head::Count && count_of_part(*text, list.file.head)));
      if (!is_ours)
        throw Error(ErrorKind::Guard,
                    fmt::format("{}: {} {}, so nothing was done; give the device another file, or move that one away", device.name, path,
                                text ? "has something in it that banpush did not write" : "cannot be read: " + text.error().text));
    }
}

Tidied tidy_files(Site &site, Session &session, const Installed &installed, std::vector<std::string> &notes) {
  const Device &device = session.device();
  const std::vector<PartRead> known = remembered(site, device.name);
  Tidied tidied = Tidied::Nothing;
  for (const ListOfFile &list : files_of(session)) {
    if (const ListState *state = installed.state(list.list); state != nullptr && !state->stands)
      continue; // nothing is there, and the plan says so
    if (is_as_remembered(device, list.file, known))
      continue;
    const std::vector<std::string> lines = lines_of(session, list, installed);
    require_own(device, list.file, known, lines);
    const auto kept = keep_lines(list.file, lines);
    if (!kept)
      throw Error(ErrorKind::Device, fmt::format("{}: {}", device.name, kept.error().text));
    if (!kept->is_written)
      continue;
    tidied = Tidied::Written;
    notes.push_back(fmt::format("{} was not as banpush writes it, and was written anew; {} line{} of others {} dropped", list.file.path,
                                kept->dropped, kept->dropped == 1 ? "" : "s", kept->dropped == 1 ? "was" : "were"));
  }
  return tidied;
}

void remember_files(Site &site, Session &session, const Installed &installed, Growth growth) {
  const Device &device = session.device();
  const std::vector<ListOfFile> lists = files_of(session);
  if (lists.empty())
    return;
  const std::vector<PartRead> known = remembered(site, device.name);
  std::vector<PartRead> parts;
  std::size_t before = 0, now = 0;
  for (const ListOfFile &list : lists) {
    std::size_t lines = 0;
    for (std::size_t number = 1; number <= list.file.parts; ++number) {
      const std::string path = list.file.part(number), text = text_at(device, path);
      const auto count = count_of_part(text, list.file.head);
      if (!count)
        return;
      parts.push_back({path, sha256(text), *count});
      lines += *count;
      if (const PartRead *part = of_path(known, path))
        before += part->entries;
    }
    const auto entries =
        std::count_if(installed.entries.begin(), installed.entries.end(), [&](const Entry &one) { return one.list == list.list; });
    if (lines != static_cast<std::size_t>(entries))
      return;
    now += lines;
  }
  // What is hashed here is what was parsed: nobody wrote it in between.
  if (session.disturbed() || (growth == Growth::NotLess && now < before))
    return;
  std::sort(parts.begin(), parts.end(), [](const PartRead &a, const PartRead &b) { return a.path < b.path; });
  const std::lock_guard lock(site.state_lock());
  site.state().parts_read(device.name, parts);
}

} // namespace banpush
