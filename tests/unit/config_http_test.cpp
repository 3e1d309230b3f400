// `serve.http`: to whom what is offered is refused before anything listens.
#include "config_folder.hpp"

using namespace banpush;

namespace {

struct Case {
  std::string text, said;
};

} // namespace

TEST_CASE("serve.http is off unless it is configured, and then on this host alone") {
  const ConfigFolder folder;
  CHECK_FALSE(folder.load("serve: {poll: 1s}\n").serve.http);
  const Config config = folder.load("serve: {http: {}}\n");
  REQUIRE(config.serve.http);
  CHECK(config.serve.http->address == "127.0.0.1");
  CHECK(config.serve.http->port == 8490);
  CHECK(config.serve.http->offers.size() == 3);
  CHECK(config.serve.http->tokens.empty());
}

TEST_CASE("serve.http with all its keys") {
  const ConfigFolder folder;
  folder.write("token", "0123456789abcdef\n");
  folder.write("key.pem", "x\n");
  folder.write("cert.pem", "x\n", 0644);
  const Config config = folder.load(
      "serve:\n  http:\n    address: 0.0.0.0\n    port: 443\n    names: [Bans.example.net]\n    certificate: cert.pem\n    key: key.pem\n"
      "    offers: [feed, metrics]\n    tokens:\n      fw1: {secret: {file: token}, may: feed}\n");
  const HttpSettings &http = *config.serve.http;
  CHECK(http.names == std::vector<std::string>{"bans.example.net"});
  CHECK(http.certificate == folder.path() + "/cert.pem");
  REQUIRE(http.tokens.size() == 1);
  CHECK(http.tokens.front().name == "fw1");
  CHECK(http.tokens.front().may == std::vector{HttpSettings::Offer::Feed});
}

TEST_CASE("serve.http that would tell others, or in the clear, is refused at its place") {
  const ConfigFolder folder;
  folder.write("token", "0123456789abcdef\n");
  folder.write("open", "0123456789abcdef\n", 0644);
  folder.write("cert.pem", "x\n", 0644);
  const std::string tokens = "tokens: {a: {secret: {file: token}, may: feed}}";
  const std::vector<Case> cases{
      {"serve: {http: {adress: 1.1.1.1}}\n", "banpush.yaml:1:16: unknown key \"adress\"; did you mean \"address\"?"},
      {"serve: {http: {address: bans.example.net}}\n", "banpush.yaml:1:25: address: expected an IP address of this host"},
      {"serve: {http: {port: 0}}\n", "banpush.yaml:1:22: port: expected a whole number from 1 to 65535"},
      {"serve: {http: {address: 192.0.2.1, " + tokens + "}}\n",
       "banpush.yaml:1:25: address: 192.0.2.1 is reached by others: give certificate and key, or say behind_proxy"},
      {"serve: {http: {address: 192.0.2.1, behind_proxy: yes}}\n", "banpush.yaml:1:25: http: without tokens only this host itself may ask"},
      {"serve: {http: {behind_proxy: yes}}\n", "http: without tokens only this host itself may ask"},
      {"serve: {http: {certificate: cert.pem}}\n", "http: certificate and key belong together"},
      {"serve: {http: {certificate: nowhere.pem, key: token}}\n", "banpush.yaml:1:29: certificate: cannot read"},
      {"serve: {http: {certificate: cert.pem, key: open}}\n", "may be read by others (mode 0644)"},
      {"serve: {http: {names: [\"https://a\"]}}\n", "names: \"https://a\" is no name of a host"},
      {"serve: {http: {offers: []}}\n", "banpush.yaml:1:24: offers: expected some of feed, metrics and page"},
      {"serve: {http: {offers: [feeds]}}\n", "banpush.yaml:1:25: offers: unknown word \"feeds\"; did you mean \"feed\"?"},
      {"serve: {http: {tokens: {\"a b\": {secret: {file: token}, may: feed}}}}\n", "banpush.yaml:1:25: expected the name of a token"},
      {"serve: {http: {tokens: {a: {may: feed}}}}\n", "the key \"secret\" is missing"},
      {"serve: {http: {tokens: {a: {secret: {file: token}}}}}\n", "the key \"may\" is missing"},
      {"serve: {http: {tokens: {a: {secret: {file: open}, may: feed}}}}\n", "may be read by others"},
      {"devices:\n  e: {address: 198.51.100.1, driver: feed, params: {file: /a}}\n",
       "banpush.yaml:2:16: address: what driver feed keeps are files of this host"},
      {"devices:\n  e: {address: local, driver: feed}\n", "e: driver feed needs the param \"file\""},
      {"devices:\n  e: {address: local, driver: feed, run_with: [sudo], params: {file: /a}}\n", "run_with: driver feed starts no program"},
  };
  for (const Case &one : cases) {
    INFO(one.text);
    CHECK(folder.complaint(one.text).find(one.said) != std::string::npos);
  }
}
