// A request and an answer of HTTP as values (RFC 9110).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace banpush {

struct HttpRequest {
  std::string method, path; // the path without its query, decoded
  std::map<std::string, std::string> query;
  std::string host; // of the Host header, without a port; empty where there is none
  std::string authorization, if_none_match, if_modified_since;
  std::string from; // the address at the other end
};

struct HttpAnswer {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::shared_ptr<const std::string> body; // null: none
  std::vector<std::pair<std::string, std::string>> headers;

  HttpAnswer() = default;
  HttpAnswer(int with_status, std::string text);
};

// The head of a request, up to and with its blank line. Nothing where it is none that HTTP/1.1 knows.
std::optional<HttpRequest> request_in(std::string_view head);

// The bytes in front of the body; the connection ends behind it.
std::string head_of(const HttpAnswer &answer, std::size_t length);

} // namespace banpush
