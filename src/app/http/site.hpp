// What the service answers over HTTP. All of it is read: files, the state file, and what keepers tell of themselves; nothing that
// follows the tables or pushes waits for it.
#pragma once

#include "app/http/access.hpp"
#include "app/http/feeds.hpp"
#include "app/http/figures.hpp"
#include "app/http/message.hpp"
#include "app/http/metrics.hpp"
#include "app/http/page.hpp"
#include "app/http/tls.hpp"
#include "app/serve/running.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace banpush {

// Where a configuration has it listened at.
std::string place_of(const HttpSettings &http);

class HttpSite {
public:
  // Of a configuration with serve.http, at whose address and port is listened as long as this is there. Throws Error (Config)
  // where a token, the certificate or its key cannot be had; `running` and `log` outlive it.
  HttpSite(Running &running, std::shared_ptr<const Config> config, const Log &log);

  HttpAnswer answer(const HttpRequest &request);
  // Something came that is no request, and was answered so.
  void refused(int status);
  std::shared_ptr<const TlsIdentity> identity();
  // Takes the tokens and the certificate of the configuration that is served now; else the next request does.
  void refresh() { rules(); }

  // Throws as the constructor.
  static void require_secrets(const HttpSettings &http);

private:
  // What a configuration says of HTTP, with its secrets read.
  struct Rules {
    std::shared_ptr<const Config> config;
    Access access;
    std::shared_ptr<const TlsIdentity> identity;
  };
  static std::shared_ptr<const Rules> rules_of(const std::shared_ptr<const Config> &config);
  std::shared_ptr<const Rules> rules();
  HttpAnswer answer_by(const Rules &rules, const HttpRequest &request);
  HttpAnswer feed(const Rules &rules, const HttpRequest &request);
  HttpAnswer metrics_page(const Rules &rules);
  HttpAnswer page_for(const Rules &rules, const HttpRequest &request);
  void explain_to(PageView &view, const Config &config, const std::string &asked);
  // As feed_text(), with that lock.
  FeedText text_of(State &state, const FeedPart &part);
  std::vector<FeedFacts> facts_of_feeds(const Config &config, State &state);
  // With the lock of the state held.
  State &state_of(const Config &config);
  void note_fetch(const FeedPart &part, const FeedText &text);
  void count(const char *offer, int status);

  Running &running_;
  const std::string place_; // where it is listened at
  const Log &log_;
  std::mutex rules_lock_;
  std::shared_ptr<const Rules> rules_;
  std::shared_ptr<const Config> refused_; // whose rules could not be made; those of before hold on

  std::mutex state_lock_;
  std::string state_path_;
  std::optional<State> state_; // of this site alone: it reads beside those who write

  struct Fetched {
    std::string sha256; // of what was fetched last
    std::time_t at = 0;
    double waited = 0; // seconds from its change to its first fetch
  };
  std::timed_mutex explain_lock_; // one at a time: each reads the tables

  std::mutex counts_lock_;
  std::map<std::string, Fetched> fetched_; // by the part's name
  struct Copy {
    FeedText text;
    std::chrono::steady_clock::time_point matched; // when the file was last what was read back of it
  };
  std::map<std::string, Copy> copies_; // likewise
  AnswerCounts answered_;
  FiguresReader figures_; // last: its thread asks for the rules
};

} // namespace banpush
