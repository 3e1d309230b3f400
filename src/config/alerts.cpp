#include "config/alerts.hpp"

#include "config/document/mapping.hpp"
#include "config/document/values.hpp"
#include "config/secret.hpp"
#include "core/driver/pattern.hpp"
#include "files/open.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace banpush {

namespace {

constexpr const char *form_of_url = "https://HOST[:PORT]/PATH";

std::vector<std::string> leave_out_of(const Node &node, Problems &problems) {
  std::vector<std::string> names;
  for (const Node *item : items_of(node)) {
    if (std::find(alert_names.begin(), alert_names.end(), item->text) != alert_names.end())
      names.push_back(item->text);
    else
      add_unknown_word(*item, problems, {alert_names.begin(), alert_names.end()});
  }
  return names;
}

// A URL that is written out, or where it is to be had.
void read_webhook(AlertSettings &alerts, const Node &node, Problems &problems, const std::string &folder) {
  if (node.kind == Node::Kind::Mapping) {
    alerts.webhook = secret_of(node, problems, folder);
    return;
  }
  const auto url = text_of(node, problems);
  if (!url)
    return;
  if (const std::string why = unfit_for_alerts(*url); !why.empty())
    problems.add(node.place, fmt::format("webhook: {}", why));
  alerts.webhook_url = *url;
}

} // namespace

bool WebAddress::is_loopback() const { return host.rfind("127.", 0) == 0 || host == "::1" || host == "localhost"; }

std::optional<WebAddress> web_address_of(const std::string &url) {
  static const Pattern form(
      R"(\A(?P<scheme>https?)://(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9.-]+))(?::(?P<port>[1-9]\d{0,4}))?(?P<path>/[\x21-\x7e]*)?\z)");
  const auto match = form.match(url);
  if (!match)
    return std::nullopt;
  const auto group = [&](const char *name) { return std::string(match->group(name).value_or("")); };
  WebAddress made;
  made.scheme = group("scheme");
  made.host = group("v6").empty() ? group("host") : group("v6");
  const long port = group("port").empty() ? (made.scheme == "https" ? 443 : 80) : std::stol(group("port"));
  if (port > 65535)
    return std::nullopt;
  made.port = static_cast<std::uint16_t>(port);
  made.path = group("path").empty() ? "/" : group("path");
  return made;
}

std::string unfit_for_alerts(const std::string &url) {
  const auto address = web_address_of(url);
  if (!address)
    return fmt::format("expected {}; a token is given by `token`", form_of_url);
  if (address->scheme == "http" && !address->is_loopback())
    return fmt::format("{} is reached in the clear: https, or a web server of this host", address->host);
  return {};
}

AlertSettings alerts_of(const Node &node, Problems &problems, const std::string &folder) {
  AlertSettings alerts;
  Mapping mapping(node, problems);
  alerts.command = mapping.get("command", argv_of);
  const Node *webhook = mapping.find("webhook");
  if (webhook != nullptr)
    read_webhook(alerts, *webhook, problems, folder);
  if (alerts.command.empty() == (webhook == nullptr))
    problems.add(node.place, "alerts: one of command and webhook");
  if (const Node *token = mapping.find("token"))
    alerts.token = secret_of(*token, problems, folder);
  if (const auto ca = mapping.get("ca", text_of)) {
    alerts.ca = resolved_path(*ca, folder);
    if (const auto there = open_to_read(alerts.ca); !there)
      problems.add(mapping.find("ca")->place, fmt::format("ca: cannot read {}: {}", alerts.ca, there.error().text));
  }
  for (const char *key : {"token", "ca"})
    if (webhook == nullptr && mapping.find(key) != nullptr)
      problems.add(mapping.find(key)->place, fmt::format("{}: has no meaning without webhook", key));
  alerts.after = mapping.get("after", duration_of).value_or(alerts.after);
  alerts.every = mapping.get("every", duration_of).value_or(alerts.every);
  alerts.leave_out = mapping.get("leave_out", leave_out_of);
  mapping.done();
  return alerts;
}

} // namespace banpush
