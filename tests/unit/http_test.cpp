// What the service makes of a request before it answers anything.
#include "app/http/access.hpp"
#include "app/http/date.hpp"
#include "app/http/exposition.hpp"
#include "app/http/message.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"

#include <catch2/catch.hpp>

using namespace banpush;
using Offer = HttpSettings::Offer;
using Ruling = Access::Ruling;

namespace {

constexpr const char *token = "0123456789abcdef";

Access access_with(HttpSettings settings = {}) {
  return {settings,
          {{"feeds", sha256(token), {Offer::Feed}}, {"all", sha256("another-token-is-this"), {Offer::Feed, Offer::Metrics, Offer::Page}}},
          settings.is_loopback() ? Access::Reach::ThisHost : Access::Reach::Others};
}

} // namespace

TEST_CASE("http: a request is what its head says") {
  const auto request = request_in("GET /feed/edge%201?part=2&part=3&x=%26 HTTP/1.1\r\nHost: Example.NET:8490\r\nauthorization: Bearer x\r\n"
                                  "If-None-Match: \"a\"\r\nIf-Modified-Since: y\r\n\r\n");
  REQUIRE(request);
  CHECK(request->method == "GET");
  CHECK(request->path == "/feed/edge 1");
  CHECK(request->query.at("part") == "2");
  CHECK(request->query.at("x") == "&");
  CHECK(request->host == "example.net");
  CHECK(request->authorization == "Bearer x");
  CHECK(request->if_none_match == "\"a\"");
  CHECK(request->if_modified_since == "y");
}

TEST_CASE("http: hosts are without port and brackets") {
  const auto host = [](const std::string &text) { return request_in("GET / HTTP/1.1\r\nHost: " + text + "\r\n\r\n")->host; };
  CHECK(host("127.0.0.1:80") == "127.0.0.1");
  CHECK(host("[::1]:8490") == "::1");
  CHECK(host("[2001:DB8::1]") == "2001:db8::1");
  CHECK(host("a.example.") == "a.example");
  CHECK(host("[") == "");
  CHECK(request_in("GET / HTTP/1.1\r\n\r\n")->host.empty());
  CHECK_FALSE(request_in("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"));
}

TEST_CASE("http: what is no request is none") {
  for (const char *text : {"", "\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/9\r\nHost: a\r\n\r\n",
                           "FETCH / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\r\n\r\n"}) {
    INFO(text);
    CHECK_FALSE(request_in(text));
  }
}

TEST_CASE("http: headers that the library would act upon do not reach it") {
  const std::string many(8000, '0');
  CHECK(request_in("GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=" + many + "-1\r\nACCEPT-ENCODING: br\r\n\r\n"));
  CHECK(request_in("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 99999999999\r\n\r\n"));
}

TEST_CASE("http: moments") {
  CHECK(http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(moment_of_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
  for (const char *text : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT ",
                           "Sun, 06 Nob 1994 08:49:37 GMT", "Sun, 06 Nov 1994"})
    CHECK_FALSE(moment_of_http_date(text));
}

TEST_CASE("http: an answer's head") {
  HttpAnswer answer(200, "abc");
  answer.headers.emplace_back("ETag", "\"x\"");
  const std::string head = head_of(answer, 3);
  CHECK(head.rfind("HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\nDate: ", 0) == 0);
  CHECK(head.substr(head.size() - 21) == "Connection: close\r\n\r\n");
}

TEST_CASE("http: a host by another name is nobody here") {
  HttpSettings settings;
  CHECK(access_with(settings).knows("127.0.0.1"));
  CHECK(access_with(settings).knows("::1"));
  CHECK(access_with(settings).knows("localhost"));
  CHECK_FALSE(access_with(settings).knows("evil.example"));
  CHECK_FALSE(access_with(settings).knows(""));
  CHECK_FALSE(access_with(settings).knows("127.0.0.1.evil.example"));
  settings.names = {"bans.example.net"};
  settings.address = "0.0.0.0";
  CHECK(access_with(settings).knows("bans.example.net"));
  CHECK_FALSE(access_with(settings).knows("localhost"));
}

TEST_CASE("http: a token opens what it is for") {
  const Access access = access_with();
  CHECK(access.may(std::string("Bearer ") + token, Offer::Feed) == Ruling::Yes);
  CHECK(access.may(std::string("bearer  ") + token, Offer::Feed) == Ruling::Yes);
  CHECK(access.may(std::string("Bearer ") + token, Offer::Page) == Ruling::NotThat);
  CHECK(access.may("Bearer another-token-is-this", Offer::Page) == Ruling::Yes);
  CHECK(access.may("Basic ZmVlZHM6MDEyMzQ1Njc4OWFiY2RlZg==", Offer::Feed) == Ruling::Yes); // feeds:0123456789abcdef
  CHECK(access.may("Basic YWxsOjAxMjM0NTY3ODlhYmNkZWY=", Offer::Feed) == Ruling::NoToken); // all: with the other's token
  for (const char *text : {"", "Bearer", "Bearer ", "Bearer 0123456789abcde", "0123456789abcdef", "Basic ", "Basic !!!!",
                           "Basic OjAxMjM0NTY3ODlhYmNkZWY", "Digest 0123456789abcdef"}) {
    INFO(text);
    CHECK((access.may(text, Offer::Feed) == Ruling::NoToken) ==
          (std::string(text) != "Basic OjAxMjM0NTY3ODlhYmNkZWY")); // no name, the right token
  }
  CHECK(Access({}, {}, Access::Reach::ThisHost).may("", Offer::Page) == Ruling::Yes);
  CHECK(Access({}, {}, Access::Reach::Others).may("", Offer::Page) == Ruling::NoToken);
}

TEST_CASE("http: a token at rest") {
  CHECK(digest_of_token("a", token) == sha256(token));
  CHECK(digest_of_token("a", "sha256:" + sha256(token)) == sha256(token));
  CHECK_THROWS_WITH(digest_of_token("a", "short"), Catch::Contains("the token a is shorter than 16 characters"));
  CHECK_THROWS_WITH(digest_of_token("a", "sha256:ABC"), Catch::Contains("64 digits"));
  CHECK(from_base64("QQ==") == "A");
  CHECK(from_base64("QUJD") == "ABC");
  CHECK_FALSE(from_base64("Q U"));
}

TEST_CASE("http: numbers for Prometheus") {
  Exposition text;
  text.metric("banpush_x", Exposition::Type::Gauge, "What it is.");
  text.value(3);
  text.value(0.25, {{"jail", "a\"b\\c\nd"}, {"host", "h"}});
  CHECK(text.text() ==
        "# HELP banpush_x What it is.\n# TYPE banpush_x gauge\nbanpush_x 3\nbanpush_x{jail=\"a\\\"b\\\\c\\nd\",host=\"h\"} 0.25\n");
  CHECK(largest({{"a", 1}, {"b", 3}, {"c", 2}}, 2) == std::vector<std::pair<std::string, std::size_t>>{{"b", 3}, {"c", 2}, {"other", 1}});
  CHECK(largest({{"a", 1}}, 2).size() == 1);
}
