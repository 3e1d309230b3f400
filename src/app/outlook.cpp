#include "app/outlook.hpp"

#include "app/on_device.hpp"
#include "core/policy/explain.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

Json step_json(const PolicyStep &step) {
  return {{"step", step.name}, {"verdict", step.result == PolicyStep::Result::Passes ? "passes" : "stops"}, {"text", step.text}};
}

// Devices whose policy and protected set are equal share one explanation.
struct Group {
  std::vector<const Device *> devices;
  Explanation explanation;
};

std::vector<Group> groups_of(Outlook &view, const Prefix &prefix) {
  std::vector<Group> groups;
  for (const Device &device : view.config.devices) {
    const auto same =
        std::find_if(groups.begin(), groups.end(), [&](const Group &group) { return group.devices.front()->policy == device.policy; });
    if (same != groups.end()) {
      same->devices.push_back(&device);
      continue;
    }
    groups.push_back({{&device},
                      explain(view.site.bans(), device.policy, view.site.protect_for(device, {}),
                              view.site.candidates_for(device, {}).candidates, prefix)});
  }
  return groups;
}

Json row_json(const Bans &bans, const RowVerdict &row) {
  const Ban &ban = bans.rows()[row.row];
  return {{"prefix", ban.block.prefix.text()},
          {"service", ban.block.service.text()},
          {"jail", shown(bans.name(ban.jail), 255)},
          {"hostname", shown(bans.name(ban.host), 255)},
          {"age", ban.age},
          {"left", row.left == permanent ? Json("permanent") : Json(std::max<Seconds>(row.left, 0))},
          {"verdict", word(row.verdict)},
          {"text", row.text}};
}

Json device_json(const OnDevice &one) {
  return {{"device", one.device}, {"state", one.state}, {"reason", one.reason},
          {"since", one.since},   {"until", one.until}, {"read", one.is_known ? Json(one.read_at) : Json(nullptr)}};
}

// Who recorded bans of the prefix and why, as far as that is kept.
Json authors_json(const Config &config, const Prefix &prefix) {
  Json all = Json::array();
  for (const TableSource &source : config.tables)
    for (const AuthoredBan &one : open(source)->authored())
      if (const auto ip = Prefix::parse(one.ip); ip && ip->overlaps(prefix))
        all.push_back({{"prefix", ip->text()},
                       {"jail", shown(one.name, 255)},
                       {"hostname", shown(one.hostname, 255)},
                       {"created", shown(one.created, 20)},
                       {"actor", shown(one.actor, 255)},
                       {"reason", shown(one.reason, 8000)}});
  return all;
}

} // namespace

Outlook::Outlook(Config made)
    : config(std::move(made)), fetched(fetch_with_waiting(config)), notes(std::move(fetched.notes)), state(config.state),
      site(config, state, std::move(fetched.bans), std::move(fetched.protect)) {}

Json explained(Outlook &view, const Prefix &prefix) {
  const std::vector<Group> groups = groups_of(view, prefix);
  Json rows = Json::array(), policies = Json::array(), devices = Json::array();
  std::vector<std::string> against;
  for (const std::string &one : view.fetched.unknown_hosts)
    against.push_back("nothing is pushed to any device: " + one);
  // The rows are the same for every policy, what they count for is not: the first policy's word, and each policy's steps.
  const Explanation top = groups.empty() ? explain(view.site.bans(), view.config.policy, view.site.protect_for({}, {}), {}, prefix)
                                         : groups.front().explanation;
  for (const RowVerdict &row : top.rows)
    rows.push_back(row_json(view.site.bans(), row));
  for (const Group &group : groups) {
    Json names = Json::array(), steps = Json::array();
    for (const PolicyStep &step : group.explanation.steps)
      steps.push_back(step_json(step));
    for (const Device *device : group.devices) {
      names.push_back(device->name);
      devices.push_back(device_json(on_device(view.site, *device, group.explanation, prefix, against)));
    }
    policies.push_back(
        {{"devices", names}, {"steps", steps}, {"entry", group.explanation.entry ? Json(group.explanation.entry->text()) : Json(nullptr)}});
  }
  const Json authors = rows.empty() ? Json::array() : authors_json(view.config, prefix);
  return {{"schema", 1},          {"prefix", prefix.text()}, {"rows", rows},       {"authors", authors},
          {"policies", policies}, {"devices", devices},      {"notes", view.notes}};
}

} // namespace banpush
