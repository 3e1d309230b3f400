#include "app/http/page.hpp"

#include "app/http/html.hpp"
#include "app/words/report.hpp"
#include "core/bans/ban.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

namespace {

using html::text;
using Json = nlohmann::json;

constexpr std::size_t most_pushes = 20, most_rows = 20, most_bars = 8, longest_word = 300;

// What strangers wrote.
std::string strange(std::string_view words) { return text(shown(words, longest_word)); }
std::string of(const Json &json, const char *key) { return text(json.value(key, "")); }

std::string head() {
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, "
         "initial-scale=1\">"
         "<meta name=\"color-scheme\" content=\"light dark\"><title>banpush</title><link rel=\"stylesheet\" "
         "href=\"/style.css\"></head>\n<body><header><h1><a href=\"/\">banpush</a></h1>"
         "<nav aria-label=\"on this page\"><a href=\"/#devices\">devices</a> <a href=\"/#bans\">bans</a> <a "
         "href=\"/#pushes\">pushes</a></nav></header>\n<main>\n";
}

std::string question(const std::string &asked) {
  return fmt::format("<form action=\"/explain\" method=\"get\" role=\"search\"><label for=\"ip\">Why is an address blocked, or "
                     "not?</label><input id=\"ip\" name=\"ip\" "
                     "placeholder=\"203.0.113.7\" autocomplete=\"off\" required value=\"{}\"><button>Explain</button></form>\n",
                     text(asked));
}

// Whether it is in sync is known where the tables are.
std::string device(const PageView &view, const PageView::Device &one) {
  const bool is_known = view.tables.empty() && view.state.empty();
  const bool is_good = is_known && !one.fails && one.paused.empty() && one.trouble.empty() && !one.read.empty();
  const char *state = one.fails ? "bad" : is_good ? "good" : "odd";
  const char *words = one.fails              ? "fails"
                      : !one.paused.empty()  ? "paused"
                      : !view.state.empty()  ? "not known"
                      : one.read.empty()     ? "never read"
                      : !one.trouble.empty() ? "look here"
                      : view.tables.empty()  ? "in sync"
                                             : "keeps what it holds";
  std::string out = fmt::format("<li class=\"{}\"><h3>{}</h3><p class=\"state\">{}</p><p>{}{}</p><p>{}</p>", state, text(one.name), words,
                                view.state.empty() ? fmt::format("{} entries · ", one.entries) : "", text(one.driver),
                                one.read.empty() ? "" : "read " + text(one.read));
  if (!one.delay.empty())
    out += fmt::format("<p>{}</p>", text(one.delay));
  if (!one.paused.empty())
    out += fmt::format("<p>{}</p>", strange(one.paused));
  for (const std::string &trouble : one.trouble)
    out += fmt::format("<p class=\"trouble\">{}</p>", strange(trouble));
  return out + "</li>\n";
}

std::string devices(const PageView &view) {
  std::string out = "<section id=\"devices\"><h2>Devices</h2>\n";
  if (!view.tables.empty())
    out += fmt::format("<p class=\"trouble\" role=\"status\">The tables cannot be read, and devices keep what they hold: {}</p>\n",
                       strange(view.tables));
  if (!view.state.empty())
    out += fmt::format("<p class=\"trouble\" role=\"status\">{}</p>\n", strange(view.state));
  out += "<ul class=\"cards\">\n";
  for (const PageView::Device &one : view.devices)
    out += device(view, one);
  return out + "</ul></section>\n";
}

std::string feeds(const PageView &view) {
  if (view.feeds.empty())
    return {};
  std::string out = "<section id=\"feeds\"><h2>Feeds</h2><ul class=\"cards\">\n";
  for (const FeedFacts &one : view.feeds)
    out += fmt::format("<li class=\"{}\"><h3>{}</h3><p>{}</p><p>{}</p></li>\n",
                       !one.withheld.empty() ? "bad"
                       : one.is_current      ? "good"
                                             : "odd",
                       text(one.part.name),
                       one.withheld.empty() ? fmt::format("{} entries", one.entries) : text("not handed out: " + one.withheld),
                       one.fetched == 0 ? "not fetched since the service was started"
                       : one.is_current ? fmt::format("fetched as it is now, {:.0f} s after it changed", one.waited.value_or(0))
                                        : "not fetched as it is now");
  return out + "</ul></section>\n";
}

html::Bars over_time(const std::vector<std::size_t> &counts, const char *unit) {
  html::Bars bars;
  for (std::size_t i = 0; i < counts.size(); ++i)
    bars.emplace_back(i + 1 == counts.size() ? fmt::format("the last {}", unit)
                                             : fmt::format("{} {}{} ago", counts.size() - 1 - i, unit, counts.size() - 2 == i ? "" : "s"),
                      counts[i]);
  return bars;
}

html::Bars named(std::vector<std::pair<std::string, std::size_t>> counts) {
  if (counts.size() > most_bars)
    counts.resize(most_bars);
  for (auto &[name, count] : counts)
    name = shown(name, 100);
  return counts;
}

std::string bans(const PageView &view) {
  std::string out = "<section id=\"bans\"><h2>Bans</h2>\n";
  if (!view.figures)
    return out + "<p>The tables are being counted; look again in a moment.</p></section>\n";
  const Figures &figures = *view.figures;
  if (!figures.trouble.empty())
    out += fmt::format("<p class=\"trouble\">The tables cannot be counted: {}</p>\n", strange(figures.trouble));
  if (figures.at == 0)
    return out + "</section>\n";
  if (!figures.trouble.empty())
    out += fmt::format("<p>As they were {} s ago:</p>\n", std::max<std::int64_t>(0, std::time(nullptr) - figures.at));
  out +=
      fmt::format("<p>{} bans of {} addresses within a day, {} of {} within 30 days; {} addresses came back.</p>\n<div class=\"charts\">\n",
                  figures.day.rows, figures.day.addresses, figures.month.rows, figures.month.addresses, figures.month.repeated);
  out += html::columns("Bans by the hour, one day", over_time(figures.day.over_time, "hour"), "24 h ago", "now");
  out += html::columns("Bans by the day, 30 days", over_time(figures.month.over_time, "day"), "30 days ago", "today");
  out += html::rows("By jail, 30 days", named(figures.month.jails));
  out += html::rows("By reporting host, 30 days", named(figures.month.hosts));
  out += html::rows("By network, 30 days", named(figures.month.networks));
  return out + "</div></section>\n";
}

std::string outcome_of(const AuditRecord &record) {
  return !record.outcome.empty() ? record.outcome : record.running ? "under way" : "never ended";
}

std::string pushes(const PageView &view) {
  std::string out = "<section id=\"pushes\"><h2>Last pushes</h2>\n";
  if (view.pushes.empty())
    return out + "<p>There was none yet.</p></section>\n";
  out += "<ol class=\"pushes\">\n";
  for (const AuditRecord &record : view.pushes) {
    out += fmt::format("<li><details><summary><span>{}</span> <b>{}</b> {} by {}: <span class=\"outcome\">{}</span></summary>",
                       text(record.started), text(record.device.empty() ? "this host" : record.device), text(record.intent),
                       strange(record.actor), text(outcome_of(record) + (record.counts ? ", " + done_text(*record.counts) : "")));
    if (!record.error.empty())
      out += fmt::format("<p class=\"trouble\">{}</p>", strange(record.error));
    out += "<pre tabindex=\"0\">";
    constexpr std::size_t longest_script = 20'000;
    std::string_view script = std::string_view(record.script).substr(0, longest_script);
    while (!script.empty()) {
      const std::size_t end = std::min(script.find('\n'), script.size());
      out += text(script.substr(0, end)) + "\n";
      script.remove_prefix(std::min(end + 1, script.size()));
    }
    out += std::string(record.script.size() > longest_script ? "…\n" : "") + "</pre></details></li>\n";
  }
  return out + "</ol></section>\n";
}

std::string explained_rows(const Json &rows) {
  if (rows.empty())
    return "<p>No row of the tables is about it.</p>\n";
  std::string out = "<h3>Rows</h3><ul>\n";
  const std::size_t shown_rows = std::min(rows.size(), most_rows);
  for (std::size_t i = 0; i < shown_rows; ++i)
    out += fmt::format("<li><code>{}</code> {} by {} of {}, {} s ago: {}</li>\n", of(rows[i], "prefix"), of(rows[i], "service"),
                       of(rows[i], "jail"), of(rows[i], "hostname"), rows[i].value("age", std::int64_t{0}), of(rows[i], "text"));
  if (rows.size() > shown_rows)
    out += fmt::format("<li>… and {} older rows (<code>banpush explain --json</code> lists all)</li>\n", rows.size() - shown_rows);
  return out + "</ul>\n";
}

std::string explanation(const PageView &view) {
  std::string out = fmt::format("<section id=\"explained\"><h2>{}</h2>\n", strange(view.asked));
  if (!view.problem.empty())
    return out + fmt::format("<p class=\"trouble\" role=\"status\">{}</p></section>\n", strange(view.problem));
  const Json &told = view.explained;
  out += "<h3>On the devices</h3><ul class=\"cards\">\n";
  for (const Json &one : told.at("devices")) {
    const std::string state = one.value("state", ""), since = one.value("since", ""), until = one.value("until", "");
    out += fmt::format("<li class=\"{}\"><h4>{}</h4><p class=\"state\">{}</p><p>{}{}{}</p></li>\n", state == "present" ? "good" : "odd",
                       of(one, "device"), text(state), of(one, "reason"), since.empty() ? "" : ", since " + text(since),
                       until.empty() ? "" : ", until " + text(until));
  }
  out += "</ul>\n" + explained_rows(told.at("rows"));
  for (const Json &policy : told.at("policies")) {
    out += "<h3>Policy of";
    for (const Json &name : policy.at("devices"))
      out += " " + text(name.get<std::string>());
    out += "</h3><ul class=\"steps\">\n";
    for (const Json &step : policy.at("steps"))
      out += fmt::format("<li class=\"{}\"><b>{}</b> {}: {}</li>\n", step.at("verdict") == "passes" ? "good" : "odd", of(step, "step"),
                         of(step, "verdict"), of(step, "text"));
    out += "</ul>\n";
  }
  for (const Json &note : told.at("notes"))
    out += fmt::format("<p>{}</p>\n", strange(note.get<std::string>()));
  return out + "</section>\n";
}

std::vector<std::string> trouble_of(State &state, const std::string &device) {
  std::vector<std::string> all;
  for (const State::Standing &one : state.conditions(device))
    all.push_back(fmt::format("since {}: {}", one.since, one.condition.text));
  return all;
}

} // namespace

PageView page_view(Daemon *service, const Config &config, State &state) {
  PageView view;
  std::map<std::string, std::size_t> entries;
  for (const State::Known &one : state.devices())
    entries[one.name] = one.entries;
  for (const Device &device : config.devices) {
    PageView::Device &one = view.devices.emplace_back();
    one.name = device.name;
    one.driver = device.driver;
    one.entries = entries[device.name];
    one.read = state.verified_at(device.name);
    if (const auto times = state.times_to_block(device.name, day); !times.empty())
      one.delay = fmt::format("blocked after {:.1f} s, at most {:.1f} s (last day)", times[times.size() / 2], times.back());
    if (const auto pause = state.paused(device.name))
      one.paused = fmt::format("paused by {}{}", pause->actor, pause->reason.empty() ? "" : ": " + pause->reason);
    one.trouble = trouble_of(state, device.name);
    const auto attempt = state.last_attempt(device.name);
    one.fails = attempt && attempt->outcome == word(Outcome::Failed);
  }
  view.tables = service == nullptr ? "" : service->trouble();
  view.pushes = state.audit({}, most_pushes);
  view.state = state.trouble();
  std::reverse(view.pushes.begin(), view.pushes.end());
  return view;
}

std::string page(const PageView &view) {
  std::string out = head() + question(view.asked);
  out += view.asked.empty() ? devices(view) + feeds(view) + bans(view) + pushes(view) : explanation(view);
  return out + "</main></body></html>\n";
}

std::string stylesheet() {
  return R"(:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#ffffff;--card:#f4f6f8;--edge:#d0d7de;--good:#1a7f37;--odd:#8a5a00;--bad:#b3261e;--bar:#2f6fb0}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#a5afba;--paper:#0f1419;--card:#1a2129;--edge:#38424d;--good:#57c26d;--odd:#e0b050;--bad:#ff8a80;--bar:#6cabe6}}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
header,main{max-width:72rem;margin:0 auto;padding:0 1rem}
header{display:flex;flex-wrap:wrap;gap:0 2rem;align-items:baseline;border-bottom:1px solid var(--edge)}
h1{font-size:1.4rem;margin:.7rem 0}h2{font-size:1.2rem;margin:2rem 0 .7rem}h3,h4{font-size:1rem;margin:0 0 .2rem}
section>h3{margin:1.2rem 0 .4rem}
h1 a{color:inherit;text-decoration:none}a{color:var(--bar)}nav a{margin-right:1rem}
a:focus-visible,button:focus-visible,input:focus-visible,summary:focus-visible,pre:focus-visible{outline:3px solid var(--bar);outline-offset:2px}
form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:1rem 0}
input,button{font:inherit;padding:.4rem .6rem;border:1px solid var(--edge);border-radius:6px;color:inherit;background:var(--card);max-width:100%}
button{cursor:pointer}
.cards{list-style:none;margin:0;padding:0;display:grid;gap:.7rem;grid-template-columns:repeat(auto-fill,minmax(min(16rem,100%),1fr))}
.cards li{background:var(--card);border:1px solid var(--edge);border-left:6px solid var(--soft);border-radius:6px;padding:.6rem .8rem;overflow-wrap:anywhere}
.cards p{margin:.1rem 0;color:var(--soft)}.cards .state{font-weight:600}
.cards li.good{border-left-color:var(--good)}.cards li.odd{border-left-color:var(--odd)}.cards li.bad{border-left-color:var(--bad)}
.good .state{color:var(--good)}.odd .state{color:var(--odd)}.bad .state{color:var(--bad)}
.trouble,.cards .trouble{color:var(--bad);overflow-wrap:anywhere}
.charts{display:grid;gap:1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr))}
figure{margin:0;min-width:0}figcaption{font-weight:600;margin-bottom:.3rem}
svg{width:100%;height:auto;display:block}svg .bar{fill:var(--bar)}svg .axis{stroke:var(--edge)}svg text{fill:var(--soft);font:13px system-ui,sans-serif}svg .end{text-anchor:end}
table{border-collapse:collapse}th,td{text-align:left;padding:.1rem .8rem .1rem 0;font-weight:normal}td{text-align:right}
summary{cursor:pointer;color:var(--soft);overflow-wrap:anywhere}.pushes summary{color:inherit}
.pushes{padding:0;list-style:none}.pushes li{border-bottom:1px solid var(--edge);padding:.3rem 0}
pre{overflow-x:auto;max-height:20rem;background:var(--card);padding:.6rem;border-radius:6px;font-size:.85rem}
.steps{list-style:none;padding:0}.steps li{border-left:4px solid var(--odd);padding-left:.6rem;margin:.2rem 0;overflow-wrap:anywhere}.steps li.good{border-left-color:var(--good)}
)";
}

} // namespace banpush
