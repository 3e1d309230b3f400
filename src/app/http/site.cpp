#include "app/http/site.hpp"

#include "app/http/date.hpp"
#include "app/outlook.hpp"
#include "app/world/secrets.hpp"
#include "files/open.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

namespace {

using Offer = HttpSettings::Offer;

constexpr std::size_t longest_asked = 64;
constexpr std::chrono::seconds patience_of_explain{5};
constexpr std::size_t most_bytes_of_pem = 1U << 20U;
// Longer than a push takes from writing a file to having read it back.
constexpr std::chrono::minutes longest_copy{1};
// A file that changed within this second may change once more within it, and have the same date.
constexpr std::time_t too_young_for_its_date = 1;

std::string pem_in(const std::string &path) {
  auto text = read_whole(path, most_bytes_of_pem);
  if (!text)
    throw Error(ErrorKind::Config, fmt::format("serve.http: {}: {}", path, text.error().text));
  return std::move(*text);
}

std::shared_ptr<const TlsIdentity> identity_of(const HttpSettings &http) {
  if (http.certificate.empty())
    return nullptr;
  try {
    return std::make_shared<const TlsIdentity>(pem_in(http.certificate), pem_in(http.key));
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("serve.http: {} and {}: {}", http.certificate, http.key, error.what()));
  }
}

Access access_of(const HttpSettings &http) {
  std::vector<Access::Known> tokens;
  for (const HttpSettings::Token &token : http.tokens)
    tokens.push_back({token.name, digest_of_token(token.name, secret(token.secret)), token.may});
  return {http, std::move(tokens), http.is_loopback() ? Access::Reach::ThisHost : Access::Reach::Others};
}

std::optional<Offer> offer_at(const std::string &path) {
  if (path.rfind("/feed/", 0) == 0)
    return Offer::Feed;
  if (path == "/metrics")
    return Offer::Metrics;
  if (path == "/" || path == "/explain" || path == "/style.css")
    return Offer::Page;
  return std::nullopt;
}

HttpAnswer asks_for_token() {
  HttpAnswer answer(401, "a token is needed: Authorization: Bearer TOKEN, or Basic with its name and it as password\n");
  answer.headers.emplace_back("WWW-Authenticate", "Basic realm=\"banpush\", charset=\"UTF-8\"");
  answer.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"banpush\"");
  return answer;
}

// Whether one of the entity tags of an If-None-Match (RFC 9110, 13.1.2) is ours.
bool names_tag(std::string_view list, std::string_view tag) {
  return list == "*" || (!list.empty() && list.find(tag) != std::string_view::npos);
}

bool is_known(const HttpRequest &request, const std::string &tag, std::time_t changed) {
  if (!request.if_none_match.empty())
    return names_tag(request.if_none_match, tag);
  const auto since = moment_of_http_date(request.if_modified_since);
  return since && changed == *since; // a clock that was set back, or a file restored, has an older date
}

} // namespace

std::string place_of(const HttpSettings &http) { return fmt::format("{} port {}", http.address, http.port); }

HttpSite::HttpSite(Running &running, std::shared_ptr<const Config> config, const Log &log)
    : running_(running), place_(place_of(*config->serve.http)), log_(log), rules_(rules_of(config)),
      figures_([this] { return rules()->config; }) {}

std::shared_ptr<const HttpSite::Rules> HttpSite::rules_of(const std::shared_ptr<const Config> &config) {
  const HttpSettings &http = *config->serve.http;
  return std::make_shared<const Rules>(Rules{config, access_of(http), identity_of(http)});
}

void HttpSite::require_secrets(const HttpSettings &http) {
  access_of(http);
  identity_of(http);
}

// A token that cannot be had after a reload keeps nobody out who was let in before, and the log and `status` say so. Of another
// address nothing holds here: it is listened there with a site of its own.
std::shared_ptr<const HttpSite::Rules> HttpSite::rules() {
  const auto service = running_.service();
  const std::lock_guard lock(rules_lock_);
  const auto config = service ? service->configuration() : rules_->config;
  if (config == rules_->config || config == refused_ || !config->serve.http || place_of(*config->serve.http) != place_)
    return rules_;
  try {
    rules_ = rules_of(config);
    running_.http_trouble({});
  } catch (const std::exception &error) {
    refused_ = config;
    const std::string text = fmt::format("what is offered over HTTP stays as it was: {}", error.what());
    running_.http_trouble(text);
    log_.say({Event::HttpFailed, text});
  }
  return rules_;
}

std::shared_ptr<const TlsIdentity> HttpSite::identity() { return rules()->identity; }

HttpAnswer HttpSite::answer(const HttpRequest &request) {
  HttpAnswer made = answer_by(*rules(), request);
  const auto offer = offer_at(request.path);
  count(offer ? word(*offer) : "other", made.status);
  return made;
}

void HttpSite::refused(int status) { count("other", status); }

HttpAnswer HttpSite::answer_by(const Rules &rules, const HttpRequest &request) {
  if (!rules.access.knows(request.host))
    return {421, "nobody of this name is here; names: under serve.http of the configuration says which names are\n"};
  const auto offer = offer_at(request.path);
  const auto &offers = rules.config->serve.http->offers;
  // Who has no token is told the same whether there is something or not.
  switch (rules.access.may(request.authorization, offer.value_or(Offer::Page))) {
  case Access::Ruling::NoToken: return asks_for_token();
  case Access::Ruling::NotThat: return {403, "this token is for something else\n"};
  case Access::Ruling::Yes: break;
  }
  if (!offer || std::find(offers.begin(), offers.end(), *offer) == offers.end())
    return {404, "there is nothing of this name\n"};
  switch (*offer) {
  case Offer::Feed: return feed(rules, request);
  case Offer::Metrics: return metrics_page(rules);
  case Offer::Page: return page_for(rules, request);
  }
  return {404, {}};
}

HttpAnswer HttpSite::page_for(const Rules &rules, const HttpRequest &request) {
  HttpAnswer made;
  // Nothing on the page runs, comes from elsewhere, or is shown in a frame of somebody else's.
  made.headers = {
      {"Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cache-Control", "no-store"}};
  if (request.path == "/style.css") {
    made.type = "text/css; charset=utf-8";
    made.body = std::make_shared<const std::string>(stylesheet());
    return made;
  }
  PageView view;
  const auto asked = request.query.find("ip");
  if (request.path == "/explain" && asked != request.query.end() && !asked->second.empty()) {
    explain_to(view, *rules.config, asked->second);
  } else {
    const auto figures = figures_.latest();
    const auto service = running_.service();
    const std::lock_guard lock(state_lock_);
    State &state = state_of(*rules.config);
    view = page_view(service.get(), *rules.config, state);
    view.feeds = facts_of_feeds(*rules.config, state);
    view.figures = figures;
  }
  made.type = "text/html; charset=utf-8";
  made.body = std::make_shared<const std::string>(page(view));
  return made;
}

void HttpSite::explain_to(PageView &view, const Config &config, const std::string &asked) {
  view.asked = shown(asked, longest_asked);
  try {
    const std::unique_lock lock(explain_lock_, patience_of_explain);
    if (!lock)
      throw Error(ErrorKind::Connect, "others are being answered; ask again");
    const Prefix prefix = Prefix::require(asked);
    Outlook outlook(config);
    view.explained = explained(outlook, prefix);
  } catch (const std::exception &error) {
    view.problem = error.what();
  }
}

State &HttpSite::state_of(const Config &config) {
  if (!state_ || state_path_ != config.state || !state_->trouble().empty()) {
    state_.emplace(config.state);
    state_path_ = config.state;
  }
  return *state_;
}

// A push writes a file before it has read it back: until then, what was read back before is handed out.
FeedText HttpSite::text_of(State &state, const FeedPart &part) {
  try {
    FeedText text = feed_text(state, part);
    const std::lock_guard lock(counts_lock_);
    copies_[part.name] = {text, std::chrono::steady_clock::now()};
    return text;
  } catch (const Error &) {
    const auto read = read_back(state, part);
    const std::lock_guard lock(counts_lock_);
    const auto copy = copies_.find(part.name);
    // Of the push before the last, too: one may write while another's list was fetched by nobody.
    if (!read || copy == copies_.end() || std::chrono::steady_clock::now() - copy->second.matched > longest_copy)
      throw;
    return copy->second.text;
  }
}

std::vector<FeedFacts> HttpSite::facts_of_feeds(const Config &config, State &state) {
  std::vector<FeedFacts> all;
  for (FeedPart &part : feed_parts(config, state)) {
    FeedFacts &one = all.emplace_back();
    std::string sha256;
    try {
      const FeedText text = text_of(state, part);
      one.entries = text.entries;
      one.changed = text.changed;
      sha256 = text.sha256;
    } catch (const Error &error) {
      one.withheld = error.what();
    }
    const std::lock_guard lock(counts_lock_);
    if (const auto found = fetched_.find(part.name); found != fetched_.end()) {
      one.fetched = found->second.at;
      one.is_current = found->second.sha256 == sha256;
      one.waited = found->second.waited;
    }
    one.part = std::move(part);
  }
  return all;
}

HttpAnswer HttpSite::metrics_page(const Rules &rules) {
  const auto figures = figures_.latest();
  const auto service = running_.service();
  AnswerCounts answers;
  {
    const std::lock_guard lock(counts_lock_);
    answers = answered_;
  }
  const std::lock_guard lock(state_lock_);
  State &state = state_of(*rules.config);
  HttpAnswer made(200, metrics(service.get(), state, figures.get(), facts_of_feeds(*rules.config, state), answers));
  made.type = "text/plain; version=0.0.4; charset=utf-8";
  return made;
}

HttpAnswer HttpSite::feed(const Rules &rules, const HttpRequest &request) {
  const std::string name = request.path.substr(std::string_view("/feed/").size());
  const auto parts = feed_parts(*rules.config);
  const auto part = std::find_if(parts.begin(), parts.end(), [&](const FeedPart &one) { return is_called(one, name); });
  if (part == parts.end())
    return {404, "there is no feed of this name; `banpush feed` lists those there are\n"};
  FeedText text;
  try {
    const std::lock_guard lock(state_lock_);
    text = text_of(state_of(*rules.config), *part);
  } catch (const Error &error) {
    HttpAnswer withheld(503, fmt::format("{}\n", error.what()));
    withheld.headers.emplace_back("Retry-After", "10");
    return withheld;
  }
  const std::time_t now = std::time(nullptr);
  const std::string tag = fmt::format("\"{}\"", text.sha256.substr(0, 32));
  HttpAnswer made;
  made.body = text.text;
  made.status = is_known(request, tag, text.changed) ? 304 : 200;
  made.headers = {{"ETag", tag},
                  {"Last-Modified", http_date(std::min(text.changed, now - too_young_for_its_date))},
                  {"Cache-Control", "no-cache"},
                  {"X-Banpush-Entries", fmt::format("{}", text.entries)},
                  {"X-Banpush-Part", fmt::format("{}/{}", part->part, part->parts)},
                  {"X-Banpush-SHA256", text.sha256}};
  if (request.method == "GET")
    note_fetch(*part, text);
  return made;
}

void HttpSite::note_fetch(const FeedPart &part, const FeedText &text) {
  const std::time_t now = std::time(nullptr);
  const std::lock_guard lock(counts_lock_);
  Fetched &last = fetched_[part.name];
  if (last.sha256 != text.sha256)
    last.waited = std::max(0.0, std::difftime(now, text.changed));
  last.sha256 = text.sha256;
  last.at = now;
}

void HttpSite::count(const char *offer, int status) {
  const std::lock_guard lock(counts_lock_);
  ++answered_[{offer, status}];
}

} // namespace banpush
