// What strangers send to the HTTP server: the head of a request, its Authorization and dates; and URLs of the configuration.
#include "app/http/access.hpp"
#include "app/http/date.hpp"
#include "app/http/message.hpp"
#include "config/alerts.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

void require(bool holds) {
  if (!holds)
    std::abort();
}

banpush::Access with_tokens() {
  banpush::HttpSettings http;
  http.names = {"bans.example.net"};
  return {http,
          {{"firewall", banpush::digest_of_token("firewall", "a-token-of-the-fuzzer"), {banpush::HttpSettings::Offer::Feed}}},
          banpush::Access::Reach::Others};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string text(reinterpret_cast<const char *>(data), size);
  static const banpush::Access access = with_tokens();
  if (const auto request = banpush::request_in(text)) {
    require(!request->method.empty());
    require(access.may(request->authorization, banpush::HttpSettings::Offer::Page) != banpush::Access::Ruling::Yes);
    access.knows(request->host);
    if (const auto moment = banpush::moment_of_http_date(request->if_modified_since))
      require(banpush::moment_of_http_date(banpush::http_date(*moment)) == moment);
  }
  access.may(text, banpush::HttpSettings::Offer::Feed);
  if (const auto address = banpush::web_address_of(text))
    require(address->port != 0 && !address->host.empty() && address->path.front() == '/');
  return 0;
}
