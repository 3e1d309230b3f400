// `banpush feed`: what firewalls fetch, by hand.
#include "app/commands/commands.hpp"
#include "app/http/feeds.hpp"
#include "files/open.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

// All parts of a device, of one of its lists, or one part.
std::vector<FeedPart> meant(const Config &config, const std::string &name) {
  std::vector<FeedPart> parts = feed_parts(config);
  std::erase_if(parts, [&](const FeedPart &one) { return !is_called(one, name) && one.name.rfind(name + "/", 0) != 0; });
  if (!parts.empty())
    return parts;
  if (config.device(name) != nullptr)
    throw Error(ErrorKind::Usage, fmt::format("the device {} is no feed: its driver keeps no file that is fetched (docs/http.md)", name));
  throw Error(ErrorKind::Usage, fmt::format("there is no feed \"{}\"; `banpush feed` lists those there are", shown(name)));
}

int listed(const Settings &settings, const Config &config, State &state) {
  Json all = Json::array();
  std::string out;
  bool withheld = false;
  for (const FeedPart &part : feed_parts(config, state)) {
    Json one{{"feed", part.name}, {"device", part.device}, {"list", part.list},
             {"part", part.part}, {"parts", part.parts},   {"file", part.path}};
    try {
      const FeedText text = feed_text(state, part);
      one.update({{"entries", text.entries}, {"bytes", text.text->size()}, {"sha256", text.sha256}, {"changed", text.changed}});
      out += fmt::format("{:<24} {:>8} entries  sha256 {:.16}…  {}\n", part.name, text.entries, text.sha256, part.path);
    } catch (const Error &error) {
      withheld = true;
      one["error"] = error.what();
      out += settings.console.paint(Colour::Yellow, fmt::format("{:<24} is not handed out: {}", part.name, error.what())) + "\n";
    }
    all.push_back(std::move(one));
  }
  if (settings.console.json())
    settings.console.out(Json{{"schema", 1}, {"feeds", all}}.dump(2) + "\n");
  else
    settings.console.out(out);
  if (all.empty())
    settings.console.note("no device's list is a file that is fetched (docs/http.md)");
  return withheld ? 1 : 0;
}

} // namespace

int feed(const Settings &settings, const FeedOptions &options) {
  const Config config = load_all(settings);
  State state(config.state);
  if (options.feed.empty())
    return listed(settings, config, state);
  std::string text;
  for (const FeedPart &part : meant(config, options.feed))
    text += *feed_text(state, part).text;
  if (options.out.empty())
    settings.console.out(text);
  else if (const auto written = replace_file(options.out, text, Shared::AllRead); !written)
    throw Error(ErrorKind::Usage, fmt::format("{} cannot be written: {}", options.out, written.error().text));
  return 0;
}

} // namespace banpush
